# What the container of every agent has, the manager's too: hive's harness and what that needs.
#
# The container has a loopback alone, or the host's network where that was asked for: so nothing here
# may touch addresses, routes or a firewall. Its users are not the host's: files of the host's root,
# the store among them, belong to nobody in it.
# A unit that fails while a system is switched to blocks every later rebuild: there are none here
# that run once.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:

let
  cfg = config.hive;
  file = cfg.source + "/agent.toml";
  settings = if builtins.pathExists file then builtins.fromTOML (builtins.readFile file) else { };
  package =
    name:
    lib.attrByPath (lib.splitString "." name) (throw (
      "agent.toml of ${cfg.name} asks for the package '${name}', which nixpkgs does not have:"
      + " look for its name, or add it in agent.nix"
    )) pkgs;
in
{
  options.hive = {
    name = lib.mkOption {
      type = lib.types.strMatching "[a-z]([a-z0-9-]{0,7}[a-z0-9])?" // {
        description = "name of an agent";
      };
      description = "The agent's name, as hive knows it.";
    };
    source = lib.mkOption {
      type = lib.types.path;
      description = "The files of the agent's repository at the commit that was approved.";
    };
  };

  config = {
    boot =
      if options.boot ? isNspawnContainer then
        { isNspawnContainer = true; }
      else
        { isContainer = true; };
    system.stateVersion = lib.mkDefault config.system.nixos.release;

    networking = {
      hostName = lib.mkDefault cfg.name;
      useDHCP = false;
      firewall.enable = false;
    };

    environment.systemPackages = [
      pkgs.bash
      pkgs.coreutils
      pkgs.curl
      pkgs.findutils
      pkgs.gnugrep
      pkgs.gnused
      pkgs.procps
    ]
    ++ map package (settings.packages or [ ]);

    programs.git = {
      enable = true;
      config.user = {
        name = cfg.name;
        email = "${cfg.name}@hyperhive";
      };
    };

    # hive starts programs with the usual PATH, and on NixOS none are there.
    systemd.tmpfiles.rules = [ "L+ /usr/local/bin - - - - /run/current-system/sw/bin" ];

    systemd.services.hive = {
      description = "The harness of ${cfg.name}";
      wantedBy = [ "multi-user.target" ];
      # What to run, and with which environment, hive writes before each start.
      serviceConfig = {
        ExecStart = "/etc/hive/run";
        KillMode = "mixed";
        TimeoutStopSec = 20;
      };
      # The container is its harness: it ends with it, and with its exit status.
      unitConfig = {
        SuccessAction = "exit";
        FailureAction = "exit";
      };
      # A new system is started with the container, not under a running turn.
      restartIfChanged = false;
    };
  };
}
