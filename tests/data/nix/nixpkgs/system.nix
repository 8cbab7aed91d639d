# A system whose one file is its configuration; what no option takes is kept as it is.
lib:
{
  system,
  specialArgs ? { },
  modules,
}:

let
  evaluation = lib.evalModules {
    modules = [
      ./host-options.nix
      {
        freeformType = lib.types.attrsOf lib.types.anything;
        config.system.nixos.release = "25.05";
      }
    ]
    ++ modules;
    specialArgs = specialArgs // {
      pkgs = import ./packages.nix;
    };
  };
  inherit (evaluation) config options;
  toplevel = derivation {
    name = "nixos-system-${config.networking.hostName}";
    inherit system;
    builder = "/bin/sh";
    args = [
      "-c"
      ''
        echo building
        /bin/mkdir $out
        printf %s "$config" > $out/config.json
        printf '#!/bin/sh\nexec "$ETC_HIVE/run"\n' > $out/init
        /bin/chmod +x $out/init
      ''
    ];
    config = builtins.toJSON config;
  };
in
{
  config = config // {
    system = config.system // {
      build.toplevel = toplevel;
    };
  };
  inherit options;
}
