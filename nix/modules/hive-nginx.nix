# A proxy that speaks TLS in front of the dashboard: `services.hive.nginx`.
{ config, lib, ... }:

let
  inherit (lib) mkDefault mkIf mkOption types;
  cfg = config.services.hive;
in
{
  options.services.hive.nginx = {
    enable = lib.mkEnableOption "nginx with TLS in front of hive's dashboard";

    domain = mkOption {
      type = types.str;
      example = "hive.example.org";
      description = "The name by which the dashboard is reached.";
    };

    useACMEHost = mkOption {
      type = types.nullOr types.str;
      default = null;
      description = ''
        The certificate of `security.acme.certs` to use; null: one is asked for under `domain`, for
        which `security.acme` needs your address and your consent.
      '';
    };
  };

  config = mkIf (cfg.enable && cfg.nginx.enable) {
    services.hive.settings = {
      tls_in_front = mkDefault true;
      allowed_hosts = [ cfg.nginx.domain ];
      public_url = mkDefault "https://${cfg.nginx.domain}";
    };

    services.nginx = {
      enable = true;
      virtualHosts.${cfg.nginx.domain} = {
        forceSSL = true;
        # With a certificate of your own: false, and sslCertificate.
        enableACME = mkDefault (cfg.nginx.useACMEHost == null);
        inherit (cfg.nginx) useACMEHost;
        locations."/" = {
          proxyPass = "http://127.0.0.1:${toString cfg.settings.port}";
          proxyWebsockets = true;
          # They set Host as well, and the daemon answers no request that has two.
          recommendedProxySettings = false;
          # The daemon compares Host with Origin; streams of events are passed on as they come.
          extraConfig = ''
            proxy_set_header Host $host;
            proxy_buffering off;
            proxy_read_timeout 1h;
          '';
        };
      };
    };
  };
}
