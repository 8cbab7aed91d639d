# A Forgejo of hive's own, in a container beside the agents': `services.hive.forge`. It is apart from
# a `services.forgejo` of yours, and hive's look at its containers passes over its name.
#
# Nothing waits for it: no unit here is needed by hive's, and the one that makes the daemon's token
# asks until it has it, so that neither fails a rebuild of the host.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.services.hive;
  forge = cfg.forge;
  container = "hive-forge";
  folder = "/var/lib/hyperhive-forge";
  token = "${folder}/core-token";
in
{
  options.services.hive.forge = {
    enable = lib.mkEnableOption "a Forgejo in its own container, which deployed configurations are mirrored to" // {
      default = true;
    };

    package = mkOption {
      type = types.package;
      default = pkgs.forgejo;
      defaultText = lib.literalExpression "pkgs.forgejo";
      description = ''
        Forgejo, of the newest release line. One with long support is older, and an older one refuses
        the database of a newer one.
      '';
    };

    port = mkOption {
      type = types.port;
      default = 3000;
      description = "TCP port of its pages and of git over HTTP, on loopback.";
    };

    sshPort = mkOption {
      type = types.port;
      default = 2222;
      description = "TCP port of git over ssh, on loopback.";
    };

    stateVersion = mkOption {
      type = types.str;
      default = "25.11";
      description = "`system.stateVersion` of its container: the NixOS it was first made with.";
    };
  };

  config = mkIf (cfg.enable && forge.enable) {
    services.hive.settings = {
      forge_url = mkDefault "http://127.0.0.1:${toString forge.port}";
      forge_token_file = mkDefault token;
    };

    containers.${container} = {
      autoStart = true;
      privateNetwork = false;
      # A newer Forgejo brings its database up to date before the container counts as started.
      timeoutStartSec = "10min";
      config = import ./forge-container.nix {
        inherit (forge)
          package
          port
          sshPort
          stateVersion
          ;
      };
    };

    systemd.tmpfiles.rules = [ "d ${folder} 0700 root root -" ];

    systemd.services.hyperhive-forge-token = {
      description = "The token of hive's daemon at its forge";
      after = [ "container@${container}.service" ];
      wantedBy = [ "multi-user.target" ];
      path = [ "/run/current-system/sw" ];
      unitConfig.ConditionPathExists = "!${token}";
      serviceConfig.UMask = "0077";
      # Started at once and never failed, whatever the forge does: it asks until there is a token.
      script = ''
        set +e
        admin() {
          timeout 120 nixos-container run ${container} -- runuser -u forgejo -- \
            ${lib.getExe forge.package} --work-path /var/lib/forgejo admin "$@"
        }
        make() {
          admin user create --admin --username core --email core@hyperhive.invalid \
            --random-password --must-change-password=false >/dev/null 2>&1
          admin user generate-access-token --username core --token-name "hive-$(date +%s)" --raw \
            --scopes write:admin,write:organization,write:repository,write:user >${token}.new &&
            [ -s ${token}.new ] && mv ${token}.new ${token}
        }
        if ! make; then
          echo "the forge gave no token yet; it is asked again every minute"
          exec 2>/dev/null
          until sleep 60; make; do :; done
        fi
      '';
    };
  };
}
