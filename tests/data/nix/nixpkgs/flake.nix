# As much of nixpkgs as hive's own modules name: modules that merge, and a system that is one file.
# The tests put `lib.nix` and `host-options.nix` of nix/checks beside it.
{
  outputs =
    { self }:
    let
      lib = import ./lib.nix;
      platforms = [
        "x86_64-linux"
        "aarch64-linux"
      ];
    in
    {
      lib = lib // {
        nixosSystem = import ./system.nix lib;
      };
      legacyPackages = builtins.listToAttrs (
        map (system: {
          name = system;
          value = import ./packages.nix;
        }) platforms
      );
    };
}
