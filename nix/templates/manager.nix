# The container of the manager; it sees the agents' repositories at /agents, /applied and /meta.
{ pkgs, ... }:

{
  imports = [ ./harness-base.nix ];

  environment.systemPackages = [
    pkgs.diffutils
    pkgs.less
  ];

  # Hive's own repositories belong to a user that is not in here. They alone are named: what git
  # obeys in any other one could be an agent's.
  programs.git.config = {
    safe.directory = [
      "/meta"
      "/meta/.git"
    ];
    include.path = "/applied/safe.gitconfig";
  };
}
