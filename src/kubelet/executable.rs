//! Which programs an image has, as far as anybody can tell: of a few well-known images it is known what is in them, of all
//! others only that a program whose name says so is not there.

use super::image::ImageName;
use super::shell;
use crate::api::k8s::Container;

/// Programs that a Debian or Alpine image has besides those that the shell knows.
const COMMON: &str = "sh bash ash dash find vi crond httpd traceroute telnet openssl dd watch stat id less ip ifconfig netstat \
    arp route tar gzip gunzip unzip adduser addgroup su pidof pgrep pkill killall login getopt cmp diff \
    dmesg nohup nice timeout realpath readlink rev paste comm fold od hexdump strings bc dc busybox chroot \
    init mount umount sysctl lsof time test unlink usleep uuidgen whois xxd more sum split expand shuf tac \
    truncate ed patch setsid script flock ionice renice fuser vmstat iostat mkfifo mknod sha1sum sha256sum \
    sha512sum md5sum cksum base64 fallocate factor hd arping brctl vconfig ipcalc ping6 traceroute6 tftp \
    ssl_client tee tty stty reset clear blkid fdisk losetup lsmod modprobe syslogd klogd logger crontab \
    inetd tcpsvd udpsvd telnetd ftpd ftpget ftpput udhcpc nc6 ntpd iptunnel ifup ifdown nameif rdate hwclock \
    halt poweroff reboot getty passwd chpasswd deluser delgroup cryptpw mkpasswd cpio bzip2 bunzip2 bzcat xz \
    unxz xzcat zcat lzma unlzma ar uncompress depmod insmod rmmod nsenter unshare pivot_root switch_root \
    ulimit which xargs envdir setuidgid chpst runsv runsvdir sv svlogd who users last mesg wall tsort \
    install link logname nl pathchk printenv sync tr true uniq uudecode uuencode volname wc yes cal ttysize \
    lsusb lspci nsswitch ldd apk";

/// Whether a program is one that images usually have, and that the shell here knows nothing of.
pub fn is_unmodelled(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    !shell::knows(name) && COMMON.split_whitespace().any(|common| common == name)
}

/// Why a container's program cannot be run, in the words of the runtime; `None` if it can.
pub fn missing(words: &[String], container: &Container) -> Option<String> {
    container.command.as_ref().filter(|command| !command.is_empty())?;
    let program = words.first()?;
    match (is_absent(container.image.as_deref().unwrap_or_default(), program), program.contains('/')) {
        (false, _) => None,
        (true, false) => Some(format!("{program:?}: executable file not found in $PATH")),
        (true, true) => Some(format!("{program:?}: stat {program}: no such file or directory")),
    }
}

/// Whether it is known of an image that nothing but what somebody else has put there makes it have a program.
pub fn is_absent(image: &str, program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    let image = ImageName::parse(image);
    let bare = matches!(image.base(), "busybox" | "alpine");
    let there = shell::knows(name) || COMMON.split_whitespace().any(|common| common == name);
    says_missing(name) || (bare && (!there || name == "bash"))
}

/// Whether the name of an image or a program says that there is none, as names in tutorials do.
pub fn says_missing(name: &str) -> bool {
    let marks = [
        "doesnotexist",
        "nonexist",
        "non-exist",
        "does-not-exist",
        "not-exist",
        "nosuch",
        "no-such",
        "not-found",
        "notfound",
    ];
    marks.iter().any(|mark| name.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_missing_where_the_image_is_known_not_to_have_them() {
        let cases = [
            ("busybox", "sleep", None),
            ("busybox", "/bin/sh", None),
            ("busybox", "python", Some("\"python\": executable file not found in $PATH")),
            ("busybox:1.36", "/app/run", Some("\"/app/run\": stat /app/run: no such file or directory")),
            ("nginx", "nginx", None),
            ("example.com/app", "serve", None),
            (
                "example.com/app",
                "nosuchcommand",
                Some("\"nosuchcommand\": executable file not found in $PATH"),
            ),
        ];
        for (image, program, want) in cases {
            let words = vec![program.to_string()];
            let container =
                Container { image: Some(image.into()), command: Some(words.clone()), ..Default::default() };
            assert_eq!(missing(&words, &container).as_deref(), want, "{image} {program}");
        }
    }
}
