# A screen for an agent: `hive.gui.enable` in its agent.nix runs weston with its VNC server, on the
# port that `[screen]` of agent.toml names and its page shows. The container's loopback is its own,
# so nobody but hive's harness reaches it, and any password is right. Weston's server has no way to
# ask for none: it wants the name of its user, and asks PAM. The page answers it by itself.
#
# Whatever becomes of weston, the container's system and the harness go on, and no rebuild fails: the
# unit is started again without an end and is needed by nothing.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib) mkIf mkOption types;
  cfg = config.hive;
  file = cfg.source + "/agent.toml";
  settings = if builtins.pathExists file then builtins.fromTOML (builtins.readFile file) else { };
  shown = (settings.screen or { }).port or null;
  user = "screen";
in
{
  options.hive.gui = {
    enable = lib.mkEnableOption "a screen, which the agent's page shows";

    port = mkOption {
      type = types.port;
      default = if shown == null then 5900 else shown;
      description = "Where its VNC server listens on the container's loopback.";
    };

    size = mkOption {
      type = types.strMatching "[0-9]{3,4}x[0-9]{3,4}" // {
        description = "WIDTHxHEIGHT";
      };
      default = "1280x800";
      description = "Width and height in pixels.";
    };
  };

  config = mkIf cfg.gui.enable {
    assertions = [
      {
        assertion = shown == cfg.gui.port;
        message =
          "agent ${cfg.name}: hive.gui.port is ${toString cfg.gui.port} and screen.port in agent.toml is"
          + " ${if shown == null then "not set" else toString shown}, where its page looks: make them the"
          + " same.";
      }
      {
        assertion = (settings.network or null) != "host";
        message =
          "agent ${cfg.name}: network in agent.toml is host, and weston takes any password: every"
          + " program of the host could hold its screen. Keep the proxy, or leave hive.gui.enable"
          + " and start a VNC server that asks for a password of its own.";
      }
    ];

    environment.systemPackages = [ pkgs.weston ];

    # For programs that want to know; the harness reads agent.toml.
    environment.etc."hyperhive/gui.json".text = builtins.toJSON {
      vnc_port = cfg.gui.port;
      auth = "none";
    };

    # By its name, as weston asks for it; without it everybody is refused.
    security.pam.services.weston-remote-access.text = ''
      auth required pam_permit.so
      account required pam_permit.so
    '';

    environment.etc."hyperhive/weston.ini".text = ''
      [core]
      backend=vnc
      shell=kiosk-shell.so
      idle-time=0

      [output]
      name=vnc
      mode=${cfg.gui.size}
    '';

    systemd.services.hive-screen = {
      description = "The screen of ${cfg.name}";
      wantedBy = [ "multi-user.target" ];
      environment.XDG_RUNTIME_DIR = "/run/${user}";
      unitConfig.StartLimitIntervalSec = 0;
      serviceConfig = {
        ExecStart = lib.concatStringsSep " " [
          "${pkgs.weston}/bin/weston"
          "--config=/etc/hyperhive/weston.ini"
          "--backend=vnc"
          "--address=127.0.0.1"
          "--port=${toString cfg.gui.port}"
          "--disable-transport-layer-security"
          "--socket=wayland-1"
        ];
        RuntimeDirectory = user;
        RuntimeDirectoryMode = "0700";
        Restart = "always";
        RestartSec = 5;
        TimeoutStopSec = 5;
      };
      restartIfChanged = false;
    };
  };
}
