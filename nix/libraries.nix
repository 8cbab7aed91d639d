# The pages' libraries as node_modules, at the versions and hashes of package-lock.json.
{
  lib,
  importNpmLock,
  nodejs,
}:

importNpmLock.buildNodeModules {
  npmRoot = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../package.json
      ../package-lock.json
    ];
  };
  inherit nodejs;
  derivationArgs.npmFlags = [ "--omit=dev" ];
}
