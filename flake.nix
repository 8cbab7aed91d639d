# hive as a Nix package, and the systems of its agents' containers. The package is untested beyond
# parsing.
{
  description = "A self-hosted swarm of Claude Code agents, each in its own container";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      system = "x86_64-linux";
      hive = nixpkgs.legacyPackages.${system}.callPackage ./nix/package.nix { };
    in
    {
      # What hive's meta flake builds the containers with.
      lib.container = import ./nix/container.nix { inherit nixpkgs; };
      nixosModules = {
        agent = ./nix/templates/agent.nix;
        manager = ./nix/templates/manager.nix;
      };
      packages.${system} = {
        inherit hive;
        default = hive;
      };
      apps.${system}.default = {
        type = "app";
        program = "${hive}/bin/hive.pyz";
      };
    };
}
