# Packages are their names: enough for modules that only name them.
let
  package = name: {
    type = "derivation";
    inherit name;
    pname = name;
    outPath = "/nix/store/00000000000000000000000000000000-${name}";
    meta.mainProgram = name;
  };
  named = builtins.listToAttrs (
    map
      (name: {
        inherit name;
        value = package name;
      })
      [
        "bash"
        "bubblewrap"
        "coreutils"
        "curl"
        "diffutils"
        "findutils"
        "forgejo"
        "git"
        "gnugrep"
        "gnused"
        "jq"
        "less"
        "nix"
        "procps"
        "util-linux"
        "weston"
      ]
  );
in
named
// {
  claude-code = package "claude-code" // {
    meta.mainProgram = "claude";
  };
  stdenv.hostPlatform.system = "x86_64-linux";
  callPackage =
    _: _:
    package "hive"
    // {
      meta.mainProgram = "hive.pyz";
    };
}
