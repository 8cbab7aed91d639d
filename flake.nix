# hive as a Nix package, as a NixOS module, and the systems of its agents' containers.
{
  description = "A self-hosted swarm of Claude Code agents, each in its own container";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      system = "x86_64-linux";
      pkgs = nixpkgs.legacyPackages.${system};
      hive = pkgs.callPackage ./nix/package.nix { };
    in
    {
      # What hive's meta flake builds the containers with.
      lib.container = import ./nix/container.nix { inherit nixpkgs; };
      nixosModules = {
        # `services.hive`; agents are built with the same hive as the host's.
        default = import ./nix/modules/of-flake.nix {
          source = self.outPath;
          inherit (self) packages;
        };
        agent = ./nix/templates/agent-base.nix;
        manager = ./nix/templates/manager.nix;
      };
      packages.${system} = {
        inherit hive;
        default = hive;
        # The zipapp for any other Linux, of the locked wheels.
        pyz = pkgs.callPackage ./nix/pyz.nix { };
      };
      apps.${system}.default = {
        type = "app";
        program = "${hive}/bin/hive.pyz";
      };
      checks.${system} = {
        inherit (self.packages.${system}) hive pyz;
        machine = import ./nix/checks/machine.nix {
          inherit pkgs;
          module = self.nixosModules.default;
        };
      };
    };
}
