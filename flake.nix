# hive as a Nix package. Untested beyond parsing.
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
