# The container of an agent; its own agent.nix adds what it works with.
{
  imports = [ ./agent-base.nix ];
}
