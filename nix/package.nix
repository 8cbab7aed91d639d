# hive from source, with the Python packages of nixpkgs, and the pages' libraries at the versions and
# hashes of package-lock.json. Evaluated in the tests, and built by nobody yet.
{
  lib,
  callPackage,
  python3,
  bubblewrap,
  git,
  makeWrapper,
}:

let
  python = python3.pkgs;

  source = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../LICENSE
      ../hive
      ../prompts
      ../pyproject.toml
      ../tools/vendor.py
    ];
  };

  libraries = callPackage ./libraries.nix { };
in
python.buildPythonApplication {
  pname = "hive";
  version = "0.1.0";
  pyproject = true;
  src = source;

  build-system = [ python.hatchling ];
  nativeBuildInputs = [ makeWrapper ];
  pythonRelaxDeps = true;

  dependencies = [
    python.attrs
    python.cattrs
    python.h11
    (python.httpx2 or (throw (
      "hive needs python3Packages.httpx2, which this nixpkgs does not have: take a newer one, or"
      + " nixosModules.default of hive's flake, which brings its own"
    )))
    python.hypercorn
    python.mcp
    python.quart
    python.quart-trio
    python.trio
    python.trio-websocket
    python.wsproto
  ];

  preBuild = ''
    python tools/vendor.py ${libraries}/node_modules
  '';

  postInstall = ''
    mv $out/bin/hive $out/bin/hive.pyz
  '';

  makeWrapperArgs = [
    "--suffix"
    "PATH"
    ":"
    (lib.makeBinPath [
      bubblewrap
      git
    ])
  ];

  pythonImportsCheck = [ "hive.cli" ];
  doCheck = false;

  meta = {
    description = "A self-hosted swarm of Claude Code agents, each in its own container, with one dashboard";
    license = lib.licenses.mit;
    mainProgram = "hive.pyz";
    platforms = lib.platforms.linux;
  };
}
