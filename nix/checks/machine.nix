# A machine that boots with hive, spawns an agent, and keeps it over a rebuild of the host. For
# `nix flake check`; where there is no nixpkgs it is parsed and no more.
{ pkgs, module }:

pkgs.testers.runNixOSTest {
  name = "hive";

  nodes.machine = {
    imports = [ module ];
    virtualisation.memorySize = 3072;
    services.hive = {
      enable = true;
      forge.enable = false;
      settings = {
        # Without a network no agent's system can be built; a sandbox needs none.
        containers = "bubblewrap";
        demo = true;
      };
    };
    specialisation.changed.configuration.services.hive.settings.operator_pronouns = "they/them";
  };

  testScript = ''
    import json

    def running():
        reply = json.loads(machine.succeed("hive.pyz list --json"))
        return {row["name"]: row["running"] for row in reply["agent_statuses"]}

    def sandboxes():
        return set(machine.succeed("pgrep -x bwrap").split())

    machine.wait_for_unit("hyperhive.service")
    machine.succeed("hive.pyz doctor")
    machine.succeed("hive.pyz spawn alice")
    assert running()["alice"]
    before = sandboxes()
    assert before

    daemon = machine.succeed("systemctl show --value -p MainPID hyperhive").strip()
    machine.succeed("/run/current-system/specialisation/changed/bin/switch-to-configuration test")
    machine.wait_for_unit("hyperhive.service")
    assert machine.succeed("systemctl show --value -p MainPID hyperhive").strip() != daemon
    assert before <= sandboxes(), "the rebuild ended a container"
    assert running()["alice"]

    machine.succeed("kill -9 $(systemctl show --value -p MainPID hyperhive)")
    machine.wait_until_succeeds("hive.pyz list")
    assert before <= sandboxes(), "the daemon's end ended a container"
    listening = machine.succeed("ss -Htln 'sport = :7000'").split()
    assert "127.0.0.1:7000" in listening, listening
    assert not any(each.endswith(":7000") and each != "127.0.0.1:7000" for each in listening)
  '';
}
