# Modules to a configuration: imports, options with a check, defaults, lists that add up.
lib:
{
  system,
  specialArgs ? { },
  modules,
}:

let
  pkgs = import ./packages.nix;
  arguments = specialArgs // {
    inherit
      config
      lib
      options
      pkgs
      ;
  };
  loaded =
    module:
    let
      value = if builtins.isAttrs module || builtins.isFunction module then module else import module;
    in
    if builtins.isFunction value then
      value (builtins.intersectAttrs (builtins.functionArgs value) arguments)
    else
      value;
  collect = builtins.concatMap (
    module:
    let
      one = loaded module;
    in
    collect (one.imports or [ ]) ++ [ one ]
  );
  merge =
    a: b:
    if a._type or "" == "default" then
      (if b._type or "" == "default" then a else b)
    else if b._type or "" == "default" then
      a
    else if builtins.isAttrs a && builtins.isAttrs b then
      a // builtins.mapAttrs (name: value: if a ? ${name} then merge a.${name} value else value) b
    else if builtins.isList a && builtins.isList b then
      a ++ b
    else
      throw "one value is defined twice";
  settle =
    value:
    if value._type or "" == "default" then
      settle value.content
    else if builtins.isAttrs value then
      builtins.mapAttrs (_: settle) value
    else
      value;
  known = [
    {
      options.boot.isContainer = lib.mkOption { };
      config.system.nixos.release = "25.05";
    }
  ];
  all = collect (known ++ modules);
  own =
    module:
    module.config or (builtins.removeAttrs module [
      "imports"
      "options"
    ]);
  options = builtins.foldl' merge { } (map (module: module.options or { }) all);
  config = settle (builtins.foldl' merge { } (map own all));
  checked = builtins.mapAttrs (
    name: option:
    if option.type.check config.hive.${name} then
      config.hive.${name}
    else
      throw "A definition for option `hive.${name}' is not of type `${option.type.name}'"
  ) options.hive;
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
    config = builtins.toJSON (config // { hive = checked; });
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
