# A unit's attributes as the text that systemd reads, in the words and the order of NixOS.
let
  inherit (builtins)
    attrNames
    concatMap
    concatStringsSep
    isBool
    isList
    map
    toString
    ;
  word = value: if isBool value then (if value then "true" else "false") else toString value;
  line = key: value: "${key}=${word value}";
  # A list of words is one line for each, as NixOS writes it.
  section =
    name: entries:
    [ "[${name}]" ]
    ++ concatMap (
      key: if isList entries.${key} then map (line key) entries.${key} else [ (line key entries.${key}) ]
    ) (attrNames entries);
  words =
    key: list: if list == [ ] then { } else { ${key} = concatStringsSep " " list; };
  text = sections: concatStringsSep "\n\n" (map (concatStringsSep "\n") sections) + "\n";
in
unit:
text (
  [
    (section "Unit" (
      {
        Description = unit.description;
      }
      // words "After" (unit.after or [ ])
      // words "Wants" (unit.wants or [ ])
      // unit.unitConfig or { }
    ))
    (
      section "Service" unit.serviceConfig
      ++ map (key: "Environment=\"${key}=${unit.environment.${key}}\"") (
        attrNames (unit.environment or { })
      )
    )
  ]
  ++ (
    if (unit.wantedBy or [ ]) == [ ] then
      [ ]
    else
      [ (section "Install" (words "WantedBy" unit.wantedBy)) ]
  )
)
