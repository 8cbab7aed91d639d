# What of `services.hive` contradicts itself or the host; each sentence has the value and the mend.
{ config, lib, ... }:

let
  cfg = config.services.hive;
  loopback = [
    "127.0.0.1"
    "::1"
    "localhost"
  ];
  first = cfg.settings.agent_uids;
  # The manager's range and those of the first hundred agents, with what the start is rounded up by.
  last = first + 65536 * 102;
  isNixos = cfg.settings.containers == "nixos";
  users = lib.attrValues config.users.users;
  overlaps =
    range: range.startUid <= last && range.startUid + (range.count or 65536) > first;
  taken = lib.filter (user: lib.any overlaps (user.subUidRanges or [ ])) users;
  # A path that is no string would be copied there, on its way into the daemon's file.
  isInStore = path: builtins.isPath path || lib.hasPrefix "/nix/store/" (toString path);
  secretFiles = {
    inherit (cfg) secrets;
    "settings.claude_secret_files" = cfg.settings.claude_secret_files;
    settings = {
      inherit (cfg.settings) forge_token_file ntfy_token_file webhook_secret_file;
    };
  };
  inStore = lib.concatMap (
    part:
    lib.mapAttrsToList (name: path: "services.hive.${part}.${name} is ${toString path}") (
      lib.filterAttrs (_: path: path != null && isInStore path) secretFiles.${part}
    )
  ) (lib.attrNames secretFiles);
  forge = cfg.forge;
  ports = [
    cfg.settings.port
  ]
  ++ lib.optionals forge.enable [
    forge.port
    forge.sshPort
  ];
  # The forge has the host's network, and these listen at 3000 too when nothing is said.
  neighbours = lib.filter (
    name:
    let
      other = config.services.${name} or { };
    in
    (other.enable or false)
    && lib.elem (other.settings.server.PROTOCOL or "http") [ "http" "https" ]
    && (other.settings.server.HTTP_PORT or 3000) == forge.port
  ) [ "forgejo" "gitea" ];
  forgeUrl = "http://127.0.0.1:${toString forge.port}";
  unknown = lib.filter (name: !(config.users.users ? ${name})) cfg.operators;
  claims = [
    {
      assertion = lib.elem cfg.settings.host loopback || cfg.settings.tls_in_front;
      message =
        "services.hive.settings.host is ${cfg.settings.host}: the dashboard will not bind it in the"
        + " clear. Keep 127.0.0.1, or set tls_in_front with a proxy that speaks TLS in front.";
    }
    {
      assertion = !cfg.openFirewall || !lib.elem cfg.settings.host loopback;
      message =
        "services.hive.openFirewall opens port ${toString cfg.settings.port}, and"
        + " services.hive.settings.host is ${cfg.settings.host}: nobody would answer there.";
    }
    {
      assertion = cfg.settings.containers != "nixos" || cfg.settings.hive_flake != null;
      message =
        "services.hive.settings.hive_flake is null: agents' systems are built with hive's flake. Use"
        + " nixosModules.default of that flake, which sets it, or name it.";
    }
    {
      assertion = !cfg.nginx.enable || lib.elem cfg.settings.host [ "127.0.0.1" "localhost" ];
      message =
        "services.hive.settings.host is ${cfg.settings.host}, and services.hive.nginx is in front of"
        + " 127.0.0.1: keep that.";
    }
    {
      assertion = lib.length (lib.unique ports) == lib.length ports;
      message =
        "services.hive.settings.port, forge.port and forge.sshPort are"
        + " ${lib.concatMapStringsSep ", " toString ports}: they have to differ.";
    }
    {
      assertion = !forge.enable || neighbours == [ ];
      message =
        "services.${lib.concatStringsSep ", services." neighbours} listens at port"
        + " ${toString forge.port}, as services.hive.forge would: set services.hive.forge.port to"
        + " another, or services.hive.forge.enable to false.";
    }
    {
      assertion = !forge.enable || lib.elem cfg.settings.forge_url [ null forgeUrl ];
      message =
        "services.hive.settings.forge_url is ${toString cfg.settings.forge_url}, and"
        + " services.hive.forge runs another, whose token would be sent there: set"
        + " services.hive.forge.enable to false.";
    }
    {
      assertion = !isNixos || lib.versionAtLeast config.system.stateVersion "22.05";
      message =
        "system.stateVersion is ${config.system.stateVersion}: with one before 22.05 the host's"
        + " containers are in /etc/containers, where hive does not look. Set"
        + " services.hive.settings.containers to \"bubblewrap\".";
    }
    {
      assertion = cfg.settings.root == null;
      message =
        "services.hive.settings.root is ${toString cfg.settings.root}: the unit makes"
        + " /var/lib/hyperhive and /run/hyperhive and can write nowhere else. Keep null.";
    }
    {
      assertion = taken == [ ];
      message =
        "services.hive.settings.agent_uids is ${toString first}, and the agents' users from there on"
        + " are subordinate users of ${
          lib.concatMapStringsSep ", " (user: user.name) taken
        }: choose another.";
    }
  ]
  ++ map (what: {
    assertion = false;
    message = "${what}: everybody can read the store. Name a file outside of it, as a string.";
  }) inStore
  ++ map (name: {
    assertion = false;
    message = "services.hive.operators names ${name}, who is no user of this host: see users.users.";
  }) unknown;
in
{
  config = lib.mkIf cfg.enable {
    assertions = claims;
    warnings =
      lib.optional (cfg.claudePackage == null && cfg.settings.claude == null && !cfg.settings.demo)
        (
          "services.hive.claudePackage is null: agents cannot work without Claude Code. It is unfree;"
          + " to accept its licence is your decision, see docs/install-nixos.md of hive."
        );
  };
}
