# The NixOS system of one agent's container: hive's own module for its role, then the agent's.
{ nixpkgs }:

{
  # As hive knows it: `alice`, or `manager`.
  name,
  # `agent` or `manager`: which of ./templates.
  role,
  # The platform, as `x86_64-linux`.
  system,
  # The agent's own flake; its `nixosModules.default` is what was approved.
  agent,
}:

nixpkgs.lib.nixosSystem {
  inherit system;
  # Beside the arguments of every module: what the agent's flake takes as inputs.
  specialArgs.flakeInputs = builtins.removeAttrs agent.inputs [ "self" ];
  modules = [
    (if role == "manager" then ./templates/manager.nix else ./templates/agent-base.nix)
    agent.nixosModules.default
    {
      hive.name = name;
      hive.source = agent.outPath;
    }
  ];
}
