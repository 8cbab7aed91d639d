# The daemon's unit: what is the same on NixOS and on every other host of systemd. `hive.pyz unit`
# prints it as text; docs/install-systemd.md says what each line is for.
#
# An agent's sandbox is made inside of the unit, so what the unit may not do, no sandbox can. What
# stands in docs/install-systemd.md as left open is left open for them.
{
  description = "hive: a swarm of Claude Code agents";
  wants = [ "network-online.target" ];
  after = [ "network-online.target" ];
  wantedBy = [ "multi-user.target" ];

  environment = {
    HOME = "/var/cache/hyperhive";
    XDG_CACHE_HOME = "/var/cache/hyperhive";
  };

  serviceConfig = {
    Type = "notify";
    WatchdogSec = 60;
    TimeoutStartSec = 900;
    TimeoutStopSec = 20;
    Restart = "on-failure";
    RestartSec = 2;

    # Containers outlive the daemon, and the next one finds them.
    KillMode = "process";
    StateDirectory = "hyperhive";
    StateDirectoryMode = "0750";
    RuntimeDirectory = "hyperhive";
    RuntimeDirectoryMode = "0750";
    RuntimeDirectoryPreserve = true;
    CacheDirectory = "hyperhive";
    Delegate = true;
    DelegateSubgroup = "daemon";
    LimitNOFILE = 16384;
    OOMPolicy = "continue";

    CapabilityBoundingSet = [
      "CAP_CHOWN"
      "CAP_DAC_OVERRIDE"
      "CAP_FOWNER"
      "CAP_KILL"
      "CAP_SETFCAP"
      "CAP_SETGID"
      "CAP_SETUID"
      "CAP_SYS_ADMIN"
      "CAP_SYS_CHROOT"
      "CAP_SYS_PTRACE"
    ];
    LockPersonality = true;
    NoNewPrivileges = true;
    PrivateDevices = true;
    PrivateTmp = true;
    ProtectClock = true;
    ProtectHome = true;
    ProtectKernelModules = true;
    ProtectSystem = "strict";
    ReadWritePaths = [ "/run" ];
    RestrictAddressFamilies = [
      "AF_INET"
      "AF_INET6"
      "AF_NETLINK"
      "AF_UNIX"
    ];
    RestrictRealtime = true;
    RestrictSUIDSGID = true;
    SystemCallArchitectures = "native";
    SystemCallErrorNumber = "EPERM";
    SystemCallFilter = [
      "~@clock @cpu-emulation @module @obsolete @raw-io @reboot @swap"
    ];
  };
}
