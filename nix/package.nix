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

  dependency =
    name:
    python.${name} or (throw (
      "hive needs python3Packages.${name}, which this nixpkgs does not have: take a newer one, or"
      + " nixosModules.default of hive's flake, which brings its own"
    ));
in
python.buildPythonApplication {
  pname = "hive";
  version = "0.1.0";
  pyproject = true;
  src = source;

  build-system = [ python.hatchling ];
  nativeBuildInputs = [ makeWrapper ];
  pythonRelaxDeps = true;

  # Of pyproject.toml; and what comes with mcp from its second version on, which is imported.
  dependencies = map dependency [
    "attrs"
    "cattrs"
    "h11"
    "httpx2"
    "hypercorn"
    "mcp"
    "mcp-types"
    "quart"
    "quart-trio"
    "trio"
    "trio-websocket"
    "wsproto"
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

  # One of each room that imports what an older release of something lacks.
  pythonImportsCheck = [
    "hive.agent.harness"
    "hive.agent.mcp_server"
    "hive.cli"
    "hive.host.forge"
    "hive.nursery.on_host"
    "hive.web.dashboard.framework"
    "hive.web.dashboard.screen_link"
  ];
  doCheck = false;

  meta = {
    description = "A self-hosted swarm of Claude Code agents, each in its own container, with one dashboard";
    license = lib.licenses.mit;
    mainProgram = "hive.pyz";
    platforms = lib.platforms.linux;
  };
}
