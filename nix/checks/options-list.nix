# The options of hive's modules as plain values, for docs/nixos-options.md and the tests.
{ lib }:

let
  # As it stands in a document: what has a text of its own, else the value.
  shown =
    option:
    if option ? defaultText then
      option.defaultText.text
    else if option ? default then
      builtins.toJSON option.default
    else
      null;
  one =
    loc: option:
    [
      {
        name = lib.concatStringsSep "." loc;
        type = option.type.description;
        description = option.description or null;
        default = shown option;
        example =
          if !(option ? example) then
            null
          else if builtins.isAttrs option.example && option.example ? text then
            option.example.text
          else
            builtins.toJSON option.example;
      }
    ]
    ++ below loc (option.type.getSubOptions loc);
  below =
    loc: set:
    lib.concatMap (
      name:
      if name == "_module" || name == "_freeformOptions" then
        [ ]
      else if lib.isOption set.${name} then
        one (loc ++ [ name ]) set.${name}
      else
        below (loc ++ [ name ]) set.${name}
    ) (lib.filter (name: lib.isAttrs set.${name}) (lib.attrNames set));
in
below
