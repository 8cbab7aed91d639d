# As much of nixpkgs' `lib` as hive's own modules use, so that they are evaluated where there is no
# nixpkgs. `eval.sh PATH` evaluates the same with the real one. What is kept to here is that of the
# real one: conditions are pushed down before they are looked at, priorities decide before a type
# merges, an option that nobody declared is refused by its name.
let
  inherit (builtins)
    all
    any
    attrNames
    attrValues
    compareVersions
    concatLists
    concatMap
    concatStringsSep
    elem
    elemAt
    filter
    foldl'
    functionArgs
    hasAttr
    head
    intersectAttrs
    isAttrs
    isBool
    isFloat
    isFunction
    isInt
    isList
    isPath
    isString
    length
    listToAttrs
    map
    mapAttrs
    match
    removeAttrs
    split
    stringLength
    substring
    tail
    toJSON
    ;

  show = loc: concatStringsSep "." loc;
  kind = value: if isAttrs value then value._type or "" else "";
  prioritised = priority: content: {
    _type = "override";
    inherit priority content;
  };
  reversed = foldl' (found: each: [ each ] ++ found) [ ];
  unique = foldl' (found: each: if elem each found then found else found ++ [ each ]) [ ];

  # Definitions of one place to definitions of what is below it, without asking a condition.
  pushDown =
    value:
    if kind value == "merge" then
      concatMap pushDown value.contents
    else if kind value == "if" then
      map (mapAttrs (_: content: lib.mkIf value.condition content)) (pushDown value.content)
    else if kind value == "override" then
      map (mapAttrs (_: prioritised value.priority)) (pushDown value.content)
    else
      [ value ];

  # What is left of a definition when its conditions hold: values with a priority, 100 the usual.
  discharge =
    priority: value:
    if kind value == "merge" then
      concatMap (discharge priority) value.contents
    else if kind value == "if" then
      (if value.condition then discharge priority value.content else [ ])
    else if kind value == "override" then
      discharge value.priority value.content
    else
      [ { inherit priority value; } ];

  strongest =
    found:
    let
      least = foldl' (a: each: if each.priority < a then each.priority else a) 9999 found;
    in
    map (each: each.value) (filter (each: each.priority == least) found);

  # The values that define something of a type, merged; `isFound` is false when there are none.
  settle =
    loc: type: definitions:
    let
      values = strongest (concatMap (discharge 100) definitions);
      wrong = filter (value: !type.check value) values;
    in
    {
      isFound = values != [ ];
      value =
        if wrong != [ ] then
          throw "A definition for option `${show loc}' is not of type `${type.description}'. Definition values: ${shown (head wrong)}"
        else
          type.merge loc values;
    };
  shown = value: if isFunction value then "<function>" else toJSON value;

  same =
    loc: values:
    if all (value: value == head values) values then
      head values
    else
      throw "The option `${show loc}' has conflicting definition values: ${toJSON values}";

  isOption = value: kind value == "option";

  joined =
    loc: a: b:
    foldl' (
      found: name:
      found
      // {
        ${name} =
          if !(found ? ${name}) then
            b.${name}
          else if isOption found.${name} || isOption b.${name} then
            throw "The option `${show (loc ++ [ name ])}' is already declared."
          else
            joined (loc ++ [ name ]) found.${name} b.${name};
      }
    ) a (attrNames b);

  evalModules =
    {
      modules,
      specialArgs ? { },
      prefix ? [ ],
    }:
    let
      arguments = {
        inherit lib config options;
      }
      // specialArgs;
      loaded =
        module:
        let
          value = if isPath module || isString module then import module else module;
        in
        if isFunction value then
          value (
            if functionArgs value == { } then
              arguments
            else
              intersectAttrs (functionArgs value) arguments
          )
        else
          value;
      parts =
        module:
        let
          one = loaded module;
          isWhole = one ? options || one ? config;
          config = removeAttrs one [
            "imports"
            "freeformType"
            "_file"
          ];
        in
        {
          key = if isPath module || isString module then toString module else null;
          imports = one.imports or [ ];
          options = one.options or { };
          config = if isWhole then one.config or { } else config;
          freeformType = one.freeformType or null;
        };
      # Level by level.
      collect =
        level:
        let
          found = map parts level;
        in
        if level == [ ] then [ ] else found ++ collect (concatMap (each: each.imports) found);
      # A file that is imported twice counts once. What is merged begins with what came last.
      collected = reversed (
        foldl' (
          found: each:
          if each.key != null && any (other: other.key == each.key) found then found else found ++ [ each ]
        ) [ ] (collect modules)
      );
      freeform = foldl' (
        found: each: if each.freeformType == null then found else each.freeformType
      ) null collected;
      options = foldl' (joined prefix) { } (map (each: each.options) collected);

      evalOption =
        loc: option: definitions:
        let
          found = settle loc option.type (
            definitions ++ (if option ? default then [ (prioritised 1500 option.default) ] else [ ])
          );
        in
        if found.isFound then
          (option.apply or (value: value)) found.value
        else
          throw "The option `${show loc}' was accessed but has no value defined. Try setting the option.";

      evalLevel =
        loc: declared: definitions:
        let
          pushed = concatMap pushDown definitions;
          of = name: concatMap (each: if each ? ${name} then [ each.${name} ] else [ ]) pushed;
          names = unique (concatMap attrNames pushed);
          unknown = filter (name: !(declared ? ${name})) names;
          known = mapAttrs (
            name: option:
            (if isOption option then evalOption else evalLevel) (loc ++ [ name ]) option (of name)
          ) declared;
          further = freeform.merge loc (map (each: removeAttrs each (attrNames declared)) pushed);
        in
        if unknown == [ ] then
          known
        else if freeform != null && loc == prefix then
          further // known
        else
          throw "The option `${show (loc ++ [ (head unknown) ])}' does not exist.";
      config = evalLevel prefix options (map (each: each.config) collected);
    in
    {
      inherit config options freeform;
    };

  plain = name: description: check: {
    _type = "option-type";
    inherit name description check;
    descriptionClass = "noun";
    merge = same;
    getSubOptions = _: { };
    nestedTypes = { };
  };
  between =
    low: high: description:
    plain "intBetween" description (value: isInt value && value >= low && value <= high);
  # How nixpkgs puts one type's words into another's.
  phrase =
    classes: type:
    if elem type.descriptionClass classes then type.description else "(${type.description})";
  clause = type: type // { descriptionClass = "nonRestrictiveClause"; };
  either = type: type // { descriptionClass = "conjunction"; };
  composite = type: type // { descriptionClass = "composite"; };

  types = {
    bool = plain "bool" "boolean" isBool;
    int = plain "int" "signed integer" isInt;
    float = plain "float" "floating point number" isFloat;
    number = either (
      plain "number" "signed integer or floating point number" (value: isInt value || isFloat value)
    );
    str = plain "str" "string" isString;
    path = plain "path" "absolute path" (
      value:
      isPath value
      || (isString value || value ? outPath) && substring 0 1 (toString value) == "/"
    );
    package = plain "package" "package" (value: isAttrs value && value ? outPath || isString value);
    raw = plain "raw" "raw value" (_: true);
    port = between 0 65535 "16 bit unsigned integer; between 0 and 65535 (both inclusive)";
    ints = {
      unsigned = clause (
        plain "unsignedInt" "unsigned integer, meaning >=0" (value: isInt value && value >= 0)
      );
      positive = clause (
        plain "positiveInt" "positive integer, meaning >0" (value: isInt value && value > 0)
      );
      between =
        low: high:
        between low high
          "integer between ${toString low} and ${toString high} (both inclusive)";
    };
    strMatching =
      pattern:
      plain "strMatching" "string matching the pattern ${pattern}" (
        value: isString value && match pattern value != null
      );
    enum =
      values:
      plain "enum" "one of ${concatStringsSep ", " (map toJSON values)}" (value: elem value values);
    nullOr =
      type:
      either (
        plain "nullOr" "null or ${phrase [ "noun" "conjunction" ] type}" (
          value: value == null || type.check value
        )
      )
      // {
        merge =
          loc: values:
          if all (value: value == null) values then
            null
          else if any (value: value == null) values then
            throw "The option `${show loc}' is defined both null and not null."
          else
            type.merge loc values;
        getSubOptions = type.getSubOptions;
        nestedTypes.elemType = type;
      };
    either =
      a: b:
      either (
        plain "either"
          "${phrase [ "noun" "conjunction" ] a} or ${phrase [ "noun" "conjunction" "composite" ] b}"
          (value: a.check value || b.check value)
      )
      // {
        merge = loc: values: if all a.check values then a.merge loc values else b.merge loc values;
      };
    oneOf = of: foldl' types.either (head of) (tail of);
    listOf =
      type:
      composite (plain "listOf" "list of ${phrase [ "noun" "composite" ] type}" isList)
      // {
        merge =
          loc: values:
          map (each: each.value) (
            filter (each: each.isFound) (map (value: settle loc type [ value ]) (concatLists values))
          );
        getSubOptions = prefix: type.getSubOptions (prefix ++ [ "*" ]);
        nestedTypes.elemType = type;
      };
    attrsOf =
      type:
      composite (plain "attrsOf" "attribute set of ${phrase [ "noun" "composite" ] type}" isAttrs)
      // {
        merge =
          loc: values:
          let
            pushed = concatMap pushDown values;
            names = unique (concatMap attrNames pushed);
            found = map (name: {
              inherit name;
              settled = settle (loc ++ [ name ]) type (
                concatMap (each: if each ? ${name} then [ each.${name} ] else [ ]) pushed
              );
            }) names;
          in
          listToAttrs (
            map (each: {
              inherit (each) name;
              inherit (each.settled) value;
            }) (filter (each: each.settled.isFound) found)
          );
        getSubOptions = prefix: type.getSubOptions (prefix ++ [ "<name>" ]);
        nestedTypes.elemType = type;
      };
    anything = plain "anything" "anything" (_: true) // {
      merge =
        loc: values:
        if all (value: isAttrs value && !(value ? outPath)) values then
          (types.attrsOf types.anything).merge loc values
        else if all isList values then
          concatLists values
        else
          same loc values;
    };
    submodule = module: types.submoduleWith { modules = if isList module then module else [ module ]; };
    submoduleWith =
      {
        modules,
        specialArgs ? { },
        ...
      }:
      plain "submodule"
        (
          let
            free = (evalModules { inherit modules specialArgs; }).freeform;
          in
          if free == null then "submodule" else "open submodule of ${phrase [ "noun" "composite" ] free}"
        )
        (value: isAttrs value || isFunction value)
      // {
        merge =
          loc: values:
          (evalModules {
            modules = modules ++ values;
            specialArgs = specialArgs // {
              name = elemAt loc (length loc - 1);
            };
            prefix = loc;
          }).config;
        getSubOptions =
          prefix:
          (evalModules {
            inherit modules prefix;
            specialArgs = specialArgs // {
              name = "<name>";
            };
          }).options;
      };
  };

  lib = {
    inherit
      all
      any
      attrNames
      attrValues
      concatMap
      concatStringsSep
      elem
      evalModules
      filter
      foldl'
      head
      isAttrs
      isBool
      isList
      isOption
      length
      mapAttrs
      types
      unique
      ;
    mkOption = option: option // { _type = "option"; };
    mkEnableOption =
      name:
      lib.mkOption {
        type = types.bool;
        default = false;
        example = true;
        description = "Whether to enable ${name}.";
      };
    mkIf = condition: content: {
      _type = "if";
      inherit condition content;
    };
    mkMerge = contents: {
      _type = "merge";
      inherit contents;
    };
    mkDefault = prioritised 1000;
    literalExpression = text: {
      _type = "literalExpression";
      inherit text;
    };
    optional = condition: value: if condition then [ value ] else [ ];
    optionals = condition: values: if condition then values else [ ];
    optionalAttrs = condition: set: if condition then set else { };
    nameValuePair = name: value: { inherit name value; };
    mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
    filterAttrs =
      f: set:
      listToAttrs (
        map (name: lib.nameValuePair name set.${name}) (filter (name: f name set.${name}) (attrNames set))
      );
    concatMapStringsSep = separator: f: list: concatStringsSep separator (map f list);
    hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
    splitString = separator: text: filter isString (split "[${separator}]" text);
    getExe = package: "${package}/bin/${package.meta.mainProgram or package.pname or package.name}";
    makeBinPath = concatMapPath "bin";
    versionAtLeast = one: other: compareVersions one other >= 0;
    attrByPath =
      path: default: set:
      if path == [ ] then
        set
      else if isAttrs set && hasAttr (head path) set then
        lib.attrByPath (tail path) default set.${head path}
      else
        default;
  };
  concatMapPath = folder: list: concatStringsSep ":" (map (each: "${each}/${folder}") list);
in
lib
