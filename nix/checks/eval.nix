# What hive's modules make of a configuration, as plain values. `lib` is nixpkgs' or our own.
{
  lib ? import ./lib.nix,
  # Modules of a user: `services.hive...`.
  host ? { },
  # The same of an agent's own flake, and its files.
  agent ? { },
  source ? "/none",
  role ? "agent",
}:

let
  pkgs = import ./packages.nix;
  unitText = import ./unit-text.nix;
  optionsOf = import ./options-list.nix { inherit lib; };
  evaluated =
    modules:
    lib.evalModules {
      modules = [
        ./host-options.nix
        { system.stateVersion = lib.mkDefault "25.11"; }
      ]
      ++ modules;
      specialArgs = { inherit pkgs; };
    };
  checked =
    evaluation: value:
    let
      failed = lib.filter (each: !each.assertion) evaluation.config.assertions;
    in
    {
      failed = map (each: each.message) failed;
      inherit (evaluation.config) warnings;
    }
    // (if failed == [ ] then value else { });

  machine = evaluated [
    ../modules/hive.nix
    host
  ];
  hive = machine.config.services.hive;
  forge = evaluated [ machine.config.containers.hive-forge.config ];
  inside = evaluated [
    (../templates + (if role == "manager" then "/manager.nix" else "/agent-base.nix"))
    {
      system.nixos.release = "25.11";
      hive = {
        name = "alice";
        inherit source;
      };
    }
    agent
  ];
in
{
  options = {
    host = optionsOf [ "services" "hive" ] machine.options.services.hive;
    agent = optionsOf [ "hive" ] inside.options.hive;
  };

  host = checked machine (
    {
      inherit (hive) settings;
      inherit (machine.config.networking.firewall) allowedTCPPorts;
      inherit (machine.config.environment) systemPackages etc;
      inherit (machine.config.boot) enableContainers;
      inherit (machine.config.systemd) tmpfiles;
      inherit (machine.config.users) groups;
      inherit (machine.config.services) nginx;
      services = machine.config.systemd.services;
      unit = unitText machine.config.systemd.services.hyperhive;
    }
    // lib.optionalAttrs (machine.config.containers ? hive-forge) {
      forge = {
        inherit (forge.config)
          boot
          environment
          networking
          services
          system
          systemd
          ;
        isShared = !machine.config.containers.hive-forge.privateNetwork;
      };
    }
  );

  # The same unit for a host that is no NixOS.
  elsewhere =
    let
      unit = import ../unit.nix;
    in
    unitText (
      unit
      // {
        serviceConfig = {
          ExecStart = "/usr/local/bin/hive.pyz serve --config /etc/hyperhive/config.json";
        }
        // unit.serviceConfig;
      }
    );

  agent = checked inside {
    inherit (inside.config.environment) systemPackages etc;
    inherit (inside.config.systemd) services tmpfiles;
    inherit (inside.config) hive boot networking security;
  };
}
