# The container of the manager; it sees the agents' repositories at /agents, /applied and /meta.
{ pkgs, ... }:

{
  imports = [ ./agent-base.nix ];

  environment.systemPackages = [
    pkgs.diffutils
    pkgs.less
  ];

  # The repositories belong to whoever writes them: the manager, or hive.
  programs.git.config.safe.directory = [ "*" ];
}
