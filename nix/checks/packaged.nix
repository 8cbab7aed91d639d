# What hive's derivations are asked to be, as plain values. Their outputs would lie below `store`.
{
  store ? "/none",
}:

let
  lib = import ./lib.nix // {
    fetchers.proxyImpureEnvVars = [ "https_proxy" ];
    fileset = {
      unions = files: files;
      toSource = source: map toString source.fileset;
    };
    importJSON = file: builtins.fromJSON (builtins.readFile file);
    licenses.mit = "MIT";
    platforms.linux = [ "x86_64-linux" ];
  };
  made = asked: asked // { outPath = "${store}/${asked.name or asked.pname}"; };
  named =
    names:
    builtins.listToAttrs (
      map (name: {
        inherit name;
        value = made { inherit name; };
      }) names
    );
  python = {
    buildPythonApplication = made;
  }
  // named [
    "attrs"
    "cattrs"
    "h11"
    "hatchling"
    "httpx2"
    "hypercorn"
    "mcp"
    "mcp-types"
    "pip"
    "quart"
    "quart-trio"
    "trio"
    "trio-websocket"
    "wsproto"
  ];
  packages = {
    inherit callPackage lib;
    importNpmLock.buildNodeModules = asked: made (asked // { name = "libraries"; });
    python3 = {
      pkgs = python;
      withPackages =
        chosen:
        made {
          name = lib.concatMapStringsSep "-" (each: each.name) ([ { name = "python"; } ] ++ chosen python);
        };
    };
    stdenvNoCC.mkDerivation = made;
  }
  // named [
    "bubblewrap"
    "cacert"
    "git"
    "makeWrapper"
    "nodejs"
  ];
  callPackage =
    file: own:
    let
      build = import file;
    in
    build (builtins.intersectAttrs (builtins.functionArgs build) packages // own);
  plain = asked: removeAttrs asked [ "outPath" ];
  pyz = callPackage ../pyz.nix { };
  flake = (import ../../flake.nix).outputs {
    self = flake // {
      outPath = "/source";
    };
    nixpkgs.legacyPackages.x86_64-linux = packages;
  };
  machine = import ./eval.nix {
    host = {
      imports = [ flake.nixosModules.default ];
      services.hive.enable = true;
    };
  };
in
{
  package = plain (callPackage ../package.nix { });
  libraries = plain (callPackage ../libraries.nix { });
  pyz = removeAttrs pyz [
    "outPath"
    "passthru"
  ];
  wheels = builtins.mapAttrs (_: plain) pyz.passthru.wheels;
  # What `nixosModules.default` takes of its own flake.
  host = {
    inherit (machine.host.settings) hive_flake;
    inherit (machine.host.services.hyperhive.serviceConfig) ExecStart;
  };
  exported = builtins.attrNames flake.packages.x86_64-linux;
}
