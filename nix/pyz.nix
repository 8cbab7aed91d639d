# dist/hive.pyz as `./build.sh` makes it: the wheels of the lock files, each by its hash, and nothing
# of nixpkgs' Python packages in it. One file for any Linux with glibc. The tests run its commands;
# Nix has built it nowhere yet.
{
  lib,
  cacert,
  callPackage,
  python3,
  stdenvNoCC,
}:

let
  python = python3.withPackages (packages: [ packages.pip ]);
  libraries = callPackage ./libraries.nix { };
  known = lib.importJSON ./wheels.json;

  # pip finds them where it always does, or where PIP_INDEX_URL of the Nix daemon says.
  wheelsOf =
    name:
    stdenvNoCC.mkDerivation {
      # Of another lock another name: an output of a fixed hash would else be found in the store.
      name = "hive-wheels-${name}-${builtins.substring 0 16 known.${name}.lock}";
      src = lib.fileset.toSource {
        root = ../.;
        fileset = lib.fileset.unions [
          (../locks + "/${name}.txt")
          ../tools/build_pyz.py
        ];
      };
      nativeBuildInputs = [ python ];
      dontConfigure = true;
      dontFixup = true;
      buildPhase = ''
        export HOME=$TMPDIR PIP_CERT=${cacert}/etc/ssl/certs/ca-bundle.crt
        python tools/build_pyz.py --fetch locks/${name}.txt wheels
      '';
      installPhase = ''
        cp -r wheels $out
      '';
      outputHashMode = "recursive";
      outputHash = known.${name}.hash;
      impureEnvVars = lib.fetchers.proxyImpureEnvVars ++ [ "PIP_INDEX_URL" ];
    };
  wheels = {
    runtime = wheelsOf "runtime";
    build = wheelsOf "build";
  };
in
stdenvNoCC.mkDerivation {
  pname = "hive-pyz";
  version = "0.1.0";
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../LICENSE
      ../hive
      ../locks/build.txt
      ../locks/runtime.txt
      ../prompts
      ../pyproject.toml
      ../tools/build_pyz.py
      ../tools/pyz_main.py
      ../tools/pyz_unpack.py
      ../tools/vendor.py
    ];
  };
  nativeBuildInputs = [ python ];
  dontConfigure = true;
  # The fixes would change the first line of the archive, for a Python of this store.
  dontFixup = true;

  buildPhase = ''
    export HOME=$TMPDIR
    python tools/vendor.py ${libraries}/node_modules
    python -m pip --isolated install --quiet --no-index --no-deps --require-hashes \
      --find-links ${wheels.build} -r locks/build.txt --target "$TMPDIR/tools"
    PYTHONPATH=$TMPDIR/tools python tools/build_pyz.py --wheels ${wheels.runtime}
  '';
  installPhase = ''
    install -D -m 755 dist/hive.pyz $out/bin/hive.pyz
  '';

  passthru = { inherit wheels; };

  meta = {
    description = "A self-hosted swarm of Claude Code agents, as one file for any Linux";
    license = lib.licenses.mit;
    mainProgram = "hive.pyz";
    platforms = [ "x86_64-linux" ];
  };
}
