# The functions of lib that hive's modules call.
rec {
  mkOption = option: option // { _type = "option"; };
  mkDefault = content: {
    _type = "default";
    inherit content;
  };
  types = {
    path = {
      name = "path";
      check = value: builtins.isString value || builtins.isPath value;
    };
    strMatching = pattern: {
      name = "string that matches ${pattern}";
      check = value: builtins.isString value && builtins.match pattern value != null;
    };
  };
  splitString =
    separator: text: builtins.filter builtins.isString (builtins.split "[${separator}]" text);
  attrByPath =
    path: default: set:
    if path == [ ] then
      set
    else if builtins.isAttrs set && set ? ${builtins.head path} then
      attrByPath (builtins.tail path) default set.${builtins.head path}
    else
      default;
}
