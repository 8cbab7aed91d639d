# A host and an agent that use most of what there is to set, for eval.sh.
{
  source = toString ./example;
  agent = {
    hive.gui.enable = true;
    hive.gui.size = "1920x1080";
  };
  host = {
    users.users.mara.name = "mara";
    services.gitea = {
      enable = true;
      settings.server.HTTP_PORT = 3001;
    };
    services.hive = {
      enable = true;
      claudePackage = (import ./packages.nix).claude-code;
      operators = [ "mara" ];
      secrets.ANTHROPIC_API_KEY = "/run/keys/anthropic";
      nginx = {
        enable = true;
        domain = "hive.example.org";
        useACMEHost = "example.org";
      };
      settings = {
        hive_flake = "github:example/hive";
        allow = [ "pypi.org" ];
        allowed_hosts = [ "hive" ];
        claude_env.EDITOR = "ed";
        limits.memory_mib = null;
        not_yet_known = {
          a = [
            1
            null
          ];
        };
        park_s = 0.5;
      };
    };
  };
}
