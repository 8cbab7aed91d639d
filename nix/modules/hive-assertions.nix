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
  users = lib.attrValues config.users.users;
  overlaps =
    range: range.startUid <= last && range.startUid + (range.count or 65536) > first;
  taken = lib.filter (user: lib.any overlaps (user.subUidRanges or [ ])) users;
  inStore = lib.filterAttrs (_: path: path != null && lib.hasPrefix "/nix/store/" path) cfg.secrets;
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
  ++ lib.mapAttrsToList (name: path: {
    assertion = false;
    message =
      "services.hive.secrets.${name} is ${path}: everybody can read the store. Name a file outside"
      + " of it, as a string.";
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
