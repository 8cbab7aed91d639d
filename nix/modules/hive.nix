# hive on a NixOS host: `services.hive`.
#
# hive itself is free software. Claude Code is not: its licence is Anthropic's, and whether to accept
# it is the user's own decision. Nothing here sets `allowUnfree` or takes Claude Code by itself; it is
# used when `services.hive.claudePackage` names it, which nixpkgs refuses until its licence was
# allowed in the user's own configuration.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib)
    literalExpression
    mkDefault
    mkEnableOption
    mkIf
    mkMerge
    mkOption
    types
    ;
  cfg = config.services.hive;
  unit = import ../unit.nix;
  group = "hive";
  secretNames = [
    "ANTHROPIC_API_KEY"
    "ANTHROPIC_AUTH_TOKEN"
    "CLAUDE_CODE_OAUTH_TOKEN"
  ];
  given = lib.filterAttrs (_: path: path != null) cfg.secrets;
  file = builtins.toJSON (lib.filterAttrs (_: value: value != null) cfg.settings);
  isNixos = cfg.settings.containers == "nixos";
in
{
  imports = [
    ./hive-assertions.nix
    ./hive-forge.nix
    ./hive-nginx.nix
  ];

  options.services.hive = {
    enable = mkEnableOption "hive, a swarm of Claude Code agents, each in its own container";

    package = mkOption {
      type = types.package;
      default = pkgs.callPackage ../package.nix { };
      defaultText = literalExpression "the package of hive's flake";
      description = ''
        hive itself; its program is `hive.pyz`. Where the flake has none for this platform, it is
        built with the nixpkgs of this host.
      '';
    };

    claudePackage = mkOption {
      type = types.nullOr types.package;
      default = null;
      example = literalExpression "pkgs.claude-code";
      description = ''
        Claude Code, which does the agents' work. It is unfree: to name it here is to decide that its
        licence is accepted, and nixpkgs asks for `nixpkgs.config.allowUnfreePredicate` as well.
        null: there is none, the dashboard says so, and agents cannot work.
      '';
    };

    settings = mkOption {
      type = types.submodule ./settings.nix;
      default = { };
      example = literalExpression ''{ model = "sonnet"; allow = [ "pypi.org" ]; }'';
      description = "The daemon's settings, written to `/etc/hyperhive/config.json`.";
    };

    secrets = mkOption {
      type = types.submodule {
        options = builtins.listToAttrs (
          map (
            name:
            lib.nameValuePair name (mkOption {
              type = types.nullOr types.str;
              default = null;
              example = "/run/keys/${name}";
              description = "Path of the file that holds ${name}; null: there is none.";
            })
          ) secretNames
        );
      };
      default = { };
      description = ''
        What claude spends, as paths of files outside of the store. systemd hands them to the daemon
        as credentials, which no agent sees.
      '';
    };

    operators = mkOption {
      type = types.listOf types.str;
      default = [ ];
      example = [ "mara" ];
      description = ''
        Users who may act as the operator beside root: members of the group `hive`. Each of them
        decides everything.
      '';
    };

    openFirewall = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Open the dashboard's port. Of use only where it binds another address than loopback, behind
        a proxy on another machine that speaks TLS.
      '';
    };
  };

  config = mkIf cfg.enable {
    boot.enableContainers = mkIf isNixos (mkDefault true);
    # The daemon makes and writes these by nixos-container, in a unit that sees the rest read-only.
    systemd.tmpfiles.rules = lib.optionals isNixos [
      "d /etc/nixos-containers 0755 root root -"
      "d /var/lib/nixos-containers 0700 root root -"
      "d /nix/var/nix/profiles/per-container 0700 root root -"
      "d /nix/var/nix/gcroots/per-container 0700 root root -"
    ];

    environment.systemPackages = [ cfg.package ];
    environment.etc."hyperhive/config.json".text = file;

    networking.firewall.allowedTCPPorts = lib.optional cfg.openFirewall cfg.settings.port;

    users.groups.${group}.members = cfg.operators;

    services.hive.settings = mkMerge [
      {
        containers = mkDefault "nixos";
        git = mkDefault "${pkgs.git}/bin/git";
        operator_group = mkDefault group;
      }
      (mkIf (cfg.claudePackage != null) { claude = mkDefault (lib.getExe cfg.claudePackage); })
      {
        claude_secret_files = lib.mapAttrs (
          name: _: mkDefault "/run/credentials/hyperhive.service/${name}"
        ) given;
      }
    ];

    systemd.services.hyperhive = {
      inherit (unit)
        description
        wants
        after
        wantedBy
        ;
      path = [
        pkgs.bubblewrap
        pkgs.git
        config.nix.package
        pkgs.util-linux
        # nixos-container, as this system has it, and systemd's programs.
        "/run/current-system/sw"
      ];
      environment = unit.environment // {
        # In here the store cannot be written; the host's own daemon builds.
        NIX_REMOTE = "daemon";
      };
      # Restarted at once behind a switch: stopped before it, it would be away for as long as that
      # takes, and agents wait for it for a minute.
      stopIfChanged = false;
      restartTriggers = [ (builtins.hashString "sha256" file) ];
      serviceConfig =
        unit.serviceConfig
        // {
          ExecStart = "${lib.getExe cfg.package} serve --config /etc/hyperhive/config.json";
          LoadCredential = lib.mapAttrsToList (name: path: "${name}:${path}") given;
        }
        // lib.optionalAttrs isNixos {
          ReadWritePaths = unit.serviceConfig.ReadWritePaths ++ [
            "/etc/nixos-containers"
            "/nix/var/nix"
            "/var/lib/nixos-containers"
          ];
        };
    };
  };
}
