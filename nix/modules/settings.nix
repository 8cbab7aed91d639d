# The daemon's settings, `services.hive.settings`: each field of its configuration file, typed. What
# a newer daemon knows beside them may be set too; what the daemon does not know ends its start.
# docs/config.md has the same fields, and the tests compare the three.
{ lib, ... }:

let
  inherit (lib) mkOption types;
  json =
    let
      type = types.nullOr (
        types.oneOf [
          types.bool
          types.int
          types.float
          types.str
          types.path
          (types.attrsOf types.anything)
          (types.listOf types.anything)
        ]
      );
    in
    type // { description = "JSON value"; };
  field =
    type: default: description:
    mkOption { inherit type default description; };
  orNull = types.nullOr;
  limit =
    default:
    field (orNull types.ints.positive) default;
in
{
  freeformType = types.attrsOf json;

  options = {
    root = field (orNull types.path) null ''
      Directory that holds `state` and `run`; null: `/var/lib/hyperhive` and `/run/hyperhive`, which
      the unit makes.
    '';
    host = field types.str "127.0.0.1" ''
      Where the dashboard binds. Anything but loopback needs `tls_in_front`.
    '';
    port = field types.port 7000 ''
      TCP port of the dashboard.
    '';
    tls_in_front = field types.bool false ''
      A proxy that speaks TLS stands before the dashboard. `services.hive.nginx` sets it.
    '';
    allowed_hosts = field (types.listOf types.str) [ ] ''
      Further `Host` names the dashboard answers to, without a port.
    '';
    operator_group = field (orNull types.str) null ''
      Group whose members may act as the operator, by its socket. `services.hive.operators` sets it.
    '';
    containers = field (orNull (types.enum [ "nixos" "bubblewrap" "process" ])) null ''
      What runs the agents; null: the first that works here, never `process`, which isolates nothing.
    '';
    demo = field types.bool false ''
      Put the scripted stand-in in claude's place.
    '';
    claude = field (orNull types.path) null ''
      Path of claude. `services.hive.claudePackage` sets it.
    '';
    git = field (orNull types.path) null ''
      Path of git; null: the one on the unit's `PATH`.
    '';
    turn_mode = field (types.enum [ "live" "process" ]) "live" ''
      `live`: one long claude per agent; `process`: one per turn.
    '';
    model = field types.str "haiku" ''
      Model of an agent that has none in its agent.toml and for which none was chosen on its page.
    '';
    operator_pronouns = field types.str "she/her" ''
      How the prompts speak of the operator.
    '';
    rate_limit_s = field types.number 300.0 ''
      Seconds that an agent waits at its account's limit when claude does not say until when.
    '';
    overloaded_s = field types.number 30.0 ''
      Seconds that an agent waits when claude's service is overloaded; longer each time.
    '';
    auto_compact = field types.bool true ''
      Have a conversation compacted behind a turn before it is full.
    '';
    compact_tokens = field (orNull types.ints.unsigned) null ''
      From how many tokens on; null: three quarters of what the model takes, 0: never.
    '';
    reset_tokens = field (orNull types.ints.unsigned) null ''
      From how many tokens on a conversation that was left alone is begun anew; null: half of what
      the model takes, 0: never.
    '';
    cache_ttl_s = field (orNull types.number) null ''
      Seconds it must have been left alone for that; null: as long as claude's service keeps it.
    '';
    park_s = field types.number 600.0 ''
      Seconds without a turn after which an agent's claude is let go until the next; 0: never.
    '';
    steer = field (types.enum [ "operator" "everybody" "nobody" ]) "operator" ''
      Whose messages are put into a running turn.
    '';
    available_models = field (types.listOf types.str) [ ] ''
      What an agent's page offers beside the present model.
    '';
    settle_s = field types.number 3.0 ''
      Seconds that a newly deployed container is watched when its harness stays silent.
    '';
    stop_containers = field types.bool false ''
      Stopping the daemon stops every container; else the next daemon finds them again.
    '';
    auto_update = field types.bool true ''
      At its start hive builds agents anew that an older hive built, one by one, the manager first.
    '';
    history_keep_days = field types.number 7.0 ''
      Days for which what an agent's page showed is kept.
    '';
    stats_keep_days = field types.number 90.0 ''
      Days for which an agent's turns are kept for the statistics.
    '';
    migrate = field types.bool true ''
      At its start hive brings the layout of an older hive up to date, once.
    '';
    claude_env = field (types.attrsOf types.str) { } ''
      Variables for claude that are no secret. Everybody on this host can read them.
    '';
    claude_secret_files = field (types.attrsOf types.path) { } ''
      Variable to the path of the file that holds its value. `services.hive.secrets` sets it.
    '';
    packages = field (types.attrsOf types.path) { } ''
      What an agent.toml may ask for by name in a sandbox of bubblewrap: a directory of the host.
      In NixOS containers agents ask for packages of nixpkgs.
    '';
    limits = field (types.submodule {
      options = {
        memory_mib = limit 4096 "MiB of memory.";
        cpu_percent = limit null "Processor time; 100 is one whole core.";
        tasks = limit 1024 "Processes and threads together.";
        open_files = limit 4096 "Open files of each process.";
        disk_mib = limit 10240 "MiB on the disk.";
      };
    }) { } ''
      What a container may use whose agent.toml does not say; null: no limit.
    '';
    disk_reserve_mib = field types.ints.unsigned 1024 ''
      MiB of free space where the state is, below which who writes most is stopped; 0: nobody is.
    '';
    network = field (types.enum [ "proxy" "host" ]) "proxy" ''
      How an agent reaches the network whose agent.toml does not say; `host` is the host's whole
      network.
    '';
    allow = field (types.listOf types.str) [ ] ''
      What every agent may connect to through the proxy, beside what its agent.toml lists.
    '';
    agent_uids = field (types.ints.between 1000 2147000000) 1900000000 ''
      The first of the users that agents run as; 65536 for each NixOS container.
    '';
    build_s = field types.number 3600.0 ''
      Seconds that nix may build an agent's system.
    '';
    hive_flake = field (orNull types.str) null ''
      Reference of hive's own flake, which the agents' systems are built with. hive's flake sets it
      to itself.
    '';
    forge_url = field (orNull types.str) null ''
      A Forgejo or Gitea that deployed configurations are mirrored to. `services.hive.forge` sets
      it.
    '';
    forge_token_file = field (orNull types.path) null ''
      File with the token of an administrator there, the daemon's own user.
    '';
    forge_public_url = field (orNull types.str) null ''
      Its address for the operator's browser; null: `forge_url`.
    '';
    public_url = field (orNull types.str) null ''
      The dashboard's address as the operator opens it, for every link; null: where it is bound.
      `services.hive.nginx` sets it.
    '';
    push_contact = field (orNull types.str) null ''
      `mailto:` or https address that push services may write to about this hive.
    '';
    webhook_url = field (orNull types.str) null ''
      Address that notifications are posted to. Everybody on this host can read it.
    '';
    webhook_secret_file = field (orNull types.path) null ''
      File with the secret that they are signed with.
    '';
    ntfy_url = field (orNull types.str) null ''
      Address of a topic of ntfy that notifications are published to. Everybody on this host can
      read it.
    '';
    ntfy_token_file = field (orNull types.path) null ''
      File with an access token for it.
    '';
  };
}
