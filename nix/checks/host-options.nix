# As much of NixOS' own options as hive's modules set, with no meaning: a host to evaluate them on.
{ lib, pkgs, ... }:

let
  inherit (lib) mkOption types;
  free = mkOption {
    type = types.attrsOf types.anything;
    default = { };
  };
  lines = mkOption {
    type = types.listOf types.str;
    default = [ ];
  };
  units = mkOption {
    type = types.attrsOf (
      types.submodule {
        options = {
          description = mkOption {
            type = types.str;
            default = "";
          };
          path = mkOption {
            type = types.listOf (types.either types.package types.str);
            default = [ ];
          };
          script = mkOption {
            type = types.str;
            default = "";
          };
          restartIfChanged = mkOption {
            type = types.bool;
            default = true;
          };
          stopIfChanged = mkOption {
            type = types.bool;
            default = true;
          };
          wants = lines;
          after = lines;
          wantedBy = lines;
          restartTriggers = lines;
          environment = free;
          unitConfig = free;
          serviceConfig = free;
        };
      }
    );
    default = { };
  };
in
{
  options = {
    assertions = mkOption {
      type = types.listOf types.anything;
      default = [ ];
    };
    warnings = lines;
    boot = {
      enableContainers = mkOption {
        type = types.bool;
        default = false;
      };
      isNspawnContainer = mkOption {
        type = types.bool;
        default = false;
      };
    };
    containers = mkOption {
      type = types.attrsOf types.raw;
      default = { };
    };
    environment = {
      systemPackages = mkOption {
        type = types.listOf types.package;
        default = [ ];
      };
      etc = free;
      variables = free;
    };
    networking = free;
    nix.package = mkOption {
      type = types.package;
      default = pkgs.nix;
    };
    programs = free;
    security = free;
    services = {
      forgejo = free;
      gitea = free;
      nginx = free;
    };
    system = {
      stateVersion = mkOption { type = types.str; };
      nixos = free;
    };
    systemd = {
      services = units;
      tmpfiles.rules = lines;
    };
    users = {
      groups = free;
      users = free;
    };
  };
}
