# `services.hive` as hive's flake exports it: `source` is that flake, and agents are built with it.
source:
{ lib, ... }:

{
  imports = [ ./hive.nix ];
  services.hive.settings.hive_flake = lib.mkDefault "path:${source}";
}
