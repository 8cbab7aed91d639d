# The container of an agent; its own agent.nix adds what it works with.
{
  imports = [
    ./harness-base.nix
    ./weston-vnc.nix
  ];
}
