# The system of the forge's container: Forgejo on the host's loopback, nobody registers by himself,
# what is made is private, and it looks like the rest of hive.
{
  package,
  port,
  sshPort,
  stateVersion,
}:

{ lib, options, ... }:

let
  custom = "/var/lib/forgejo/custom";
  themes = "${custom}/public/assets/css";
  theme = "catppuccin-hive";
  file = "${themes}/theme-${theme}.css";
in
{
  config = {
    boot =
      if options.boot ? isNspawnContainer then
        { isNspawnContainer = true; }
      else
        { isContainer = true; };
    system.stateVersion = stateVersion;
    networking = {
      useDHCP = false;
      # The network is the host's, and so would a firewall be.
      firewall.enable = false;
    };

    # For who looks after it: the service has it on its own path alone.
    environment.systemPackages = [ package ];

    services.forgejo = {
      enable = true;
      inherit package;
      database.type = "sqlite3";
      settings = {
        DEFAULT.APP_NAME = "hive's forge";
        server = {
          HTTP_ADDR = "127.0.0.1";
          HTTP_PORT = port;
          ROOT_URL = "http://127.0.0.1:${toString port}/";
          START_SSH_SERVER = true;
          SSH_LISTEN_HOST = "127.0.0.1";
          SSH_PORT = sshPort;
        };
        service.DISABLE_REGISTRATION = true;
        repository.DEFAULT_PRIVATE = "private";
        # It looks for its data in the store, which cannot be written, and ends the whole forge.
        federation.ENABLED = false;
        # A repository of this host can be mirrored.
        migrations.ALLOW_LOCALNETWORKS = true;
        ui = {
          THEMES = lib.concatStringsSep "," [
            theme
            "forgejo-auto"
            "forgejo-light"
            "forgejo-dark"
          ];
          DEFAULT_THEME = theme;
        };
      };
    };

    # Copied and not linked: forgejo serves no file that is a link out of its directory. Removed
    # before: what is there is not copied over, and a newer theme would never come.
    systemd.tmpfiles.rules = [
      "d ${custom}/public 0750 forgejo forgejo -"
      "d ${custom}/public/assets 0750 forgejo forgejo -"
      "d ${themes} 0750 forgejo forgejo -"
      "r ${file}"
      "C ${file} 0640 forgejo forgejo - ${../forge-theme}/theme-${theme}.css"
    ];
  };
}
