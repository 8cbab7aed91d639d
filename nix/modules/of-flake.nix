# `services.hive` as hive's flake exports it: `source` is that flake, and agents are built with it;
# `packages` are its packages by platform, built with the nixpkgs of its own.
{ source, packages }:
{ lib, pkgs, ... }:

let
  system = pkgs.stdenv.hostPlatform.system;
in
{
  imports = [ ./hive.nix ];
  services.hive = {
    package = lib.mkIf (packages ? ${system}) (lib.mkDefault packages.${system}.default);
    settings.hive_flake = lib.mkDefault "path:${source}";
  };
}
