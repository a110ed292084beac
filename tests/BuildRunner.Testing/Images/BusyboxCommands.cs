namespace BuildRunner.Testing.Images;

/// <summary>The commands that tests may call in <see cref="TestImage.Busybox"/>.</summary>
internal static class BusyboxCommands
{
    public static IReadOnlyList<string> All { get; } =
        """
        [ [[ arch ash awk base64 basename bunzip2 bzcat cat chgrp chmod chown chroot clear cmp cp cpio cut date dd df diff dirname dmesg
        du echo ed egrep env expand expr factor fallocate false fgrep find fold free fsync getopt grep groups gunzip gzip halt head hexdump
        hostid hostname httpd id ifconfig install ionice ip ipcalc kill killall less link ln logger logname losetup ls lsof lzcat md5sum mkdir
        mkfifo mknod mktemp more mount mv nc netstat nice nl nohup nproc nslookup od paste patch pgrep pidof ping pkill printenv printf
        ps pwd readlink realpath renice reset rev rm rmdir route sed seq setpriv setsid sh sha1sum sha256sum sha512sum shred shuf sleep sort
        split stat strings stty sync sysctl tac tail tar tee telnet test time timeout top touch tr traceroute true truncate tty umount uname
        uniq unlink unshare uptime usleep vi watch wc wget which who whoami xargs yes zcat
        """.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
