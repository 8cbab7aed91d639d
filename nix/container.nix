# The NixOS system of one agent's container: hive's own module for its role, then the agent's.
{ nixpkgs }:

{
  # As hive knows it: `alice`, or `manager`.
  name,
  # `agent` or `manager`: which file of ./templates.
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
    (./templates + "/${role}.nix")
    agent.nixosModules.default
    {
      hive.name = name;
      hive.source = agent.outPath;
    }
  ];
}
