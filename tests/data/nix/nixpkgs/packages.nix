# Packages are their names.
let
  names = [
    "bash"
    "coreutils"
    "curl"
    "diffutils"
    "findutils"
    "gnugrep"
    "gnused"
    "jq"
    "less"
    "nix"
    "procps"
  ];
in
builtins.listToAttrs (
  map (name: {
    inherit name;
    value = name;
  }) names
)
// {
  python3Packages.requests = "python3Packages.requests";
}
