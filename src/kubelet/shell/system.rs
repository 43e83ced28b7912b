//! Programs that tell of processes, addresses and sockets, and `nginx` where it is told something: all as the pod's manifest and
//! its network have it.

use super::commands::Outcome;
use super::{DATE, IMAGE, MADE, Process, USER, World};
use crate::api::Pod;
use crate::api::k8s::Container;
use crate::client::ports;
use crate::kubelet::image::ImageName;

/// The programs.
pub const PROGRAMS: [&str; 6] = ["ps", "ip", "ifconfig", "netstat", "ss", "nginx"];

/// Whether an image does not have one of them: Debian's slim ones have next to nothing.
pub fn is_missing(image: &str, program: &str) -> bool {
    const SLIM: [&str; 16] = [
        "nginx",
        "nginx-unprivileged",
        "nginx-slim",
        "httpd",
        "redis",
        "memcached",
        "mysql",
        "mariadb",
        "postgres",
        "mongo",
        "debian",
        "tomcat",
        "wordpress",
        "php",
        "rabbitmq",
        "haproxy",
    ];
    const BARE: [&str; 8] =
        ["coredns", "etcd", "hello-world", "http-echo", "kube-proxy", "metrics-server", "pause", "whoami"];
    let name = ImageName::parse(image);
    let base = name.base();
    let alpine = name.tag.contains("alpine") || ["busybox", "alpine", "curl"].contains(&base);
    // Images of nothing but one program. What stands for a client from outside still asks in them.
    if (BARE.contains(&base) || image.contains("distroless")) && !["curl", "wget"].contains(&program) {
        return true;
    }
    match program {
        "nginx" => !base.contains("nginx") && (alpine || SLIM.contains(&base) || base == "ubuntu"),
        "ss" => alpine || SLIM.contains(&base) || base == "ubuntu",
        "bash" => alpine,
        "ps" => SLIM.contains(&base) && !alpine,
        "ip" | "ifconfig" | "netstat" => (SLIM.contains(&base) || base == "ubuntu") && !alpine,
        _ => false,
    }
}

/// Whether a line of `nginx` tells a server something, and begins none.
pub fn tells_nginx(words: &[String]) -> bool {
    let [name, rest @ ..] = words else { return false };
    name.ends_with("nginx")
        && rest.iter().any(|word| ["-t", "-T", "-v", "-V", "-s", "-h"].contains(&word.as_str()))
}

/// A process that `ps` shows.
struct Shown {
    pid: u32,
    command: String,
}

impl Process {
    /// Runs one of [`PROGRAMS`]; nothing where the pod is not known, and for a server that begins.
    pub(super) fn system(&mut self, name: &str, words: &[&str], world: World<'_>) -> Option<Outcome> {
        if !PROGRAMS.contains(&name) {
            return None;
        }
        let image = self.variables.get(IMAGE).map_or("", String::as_str);
        if is_missing(image, name) && !self.installs {
            self.err.push_str(&format!("sh: {name}: not found\n"));
            return Some(Outcome::Status(127));
        }
        if name == "nginx" {
            return self.nginx(words);
        }
        let pod = world.net?.pod;
        let text = match name {
            "ps" => self.processes(words, pod, world),
            "ip" => match words.iter().find(|word| !word.starts_with('-')) {
                Some(word) if word.starts_with('r') => routes(pod),
                Some(word) if word.starts_with('a') || word.starts_with('l') => interfaces(pod),
                _ => interfaces(pod),
            },
            "ifconfig" => old_interfaces(pod),
            _ => listening(name, pod),
        };
        self.out.push_str(&text);
        Some(Outcome::Status(0))
    }

    /// `nginx -t`, `nginx -v`, `nginx -s reload`.
    fn nginx(&mut self, words: &[&str]) -> Option<Outcome> {
        let image = ImageName::parse(self.variables.get(IMAGE).map_or("", String::as_str));
        let tag = image.tag.split('-').next().unwrap_or_default();
        let version = if tag.contains('.') { tag } else { "1.29.3" };
        match words {
            [] => return None,
            words if words.contains(&"-t") || words.contains(&"-T") => self.err.push_str(
                "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n\
                 nginx: configuration file /etc/nginx/nginx.conf test is successful\n",
            ),
            ["-v" | "-V", ..] => self.err.push_str(&format!("nginx version: nginx/{version}\n")),
            ["-s", "reload"] => {
                self.reloads = true;
                self.err.push_str("[notice] signal process started\n");
            }
            ["-s", "stop" | "quit"] => {
                self.ends_first = true;
                self.err.push_str("[notice] signal process started\n");
            }
            _ => return None,
        }
        Some(Outcome::Status(0))
    }

    /// `ps`, as busybox has it, or as procps with its columns.
    fn processes(&self, words: &[&str], pod: &Pod, world: World<'_>) -> String {
        let image = ImageName::parse(self.variables.get(IMAGE).map_or("", String::as_str));
        let busybox = image.tag.contains("alpine") || ["busybox", "alpine", "curl"].contains(&image.base());
        let user = self.variables.get(USER).and_then(|user| user.split(' ').next()).unwrap_or("0");
        let user = if user == "0" { "root" } else { user };
        let own = format!("ps {}", words.join(" "));
        let mut all = shown(pod, world.container.0);
        let last = all.last().map_or(1, |shown| shown.pid);
        all.push(Shown { pid: last + 6, command: own.trim().to_string() });
        let flags: String = words.concat();
        let time = |name: &str| {
            let date = self.variables.get(name).map_or("", String::as_str);
            date.split(' ')
                .find(|part| part.contains(':'))
                .map_or("00:00", |time| time.get(..5).unwrap_or("00:00"))
                .to_string()
        };
        let (begun, now) = (time(MADE), time(DATE));
        let since = |shown: &Shown| if shown.pid > last { now.clone() } else { begun.clone() };
        let line = |shown: &Shown| {
            let Shown { pid, command } = shown;
            if busybox {
                return format!("{pid:>5} {user:<8}  0:00 {command}\n");
            }
            let since = since(shown);
            let parent = if *pid == 1 || shown.pid > last { 0 } else { 1 };
            match () {
                () if flags.contains('u') => {
                    let state = if shown.pid > last {
                        "R"
                    } else if *pid == 1 {
                        "Ss"
                    } else {
                        "S"
                    };
                    format!(
                        "{user:<8} {pid:>7}  0.0  0.0   4364  3100 ?        {state:<4} {since}   0:00 {command}\n"
                    )
                }
                () if flags.contains("ef") => {
                    format!("{user:<8} {pid:>7} {parent:>7}  0 {since} ?        00:00:00 {command}\n")
                }
                () => {
                    let name = command.split([' ', ':']).next().unwrap_or_default();
                    format!("{pid:>7} ?        00:00:00 {}\n", name.rsplit('/').next().unwrap_or(name))
                }
            }
        };
        let head = match () {
            () if busybox => "PID   USER     TIME  COMMAND\n",
            () if flags.contains('u') => {
                "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n"
            }
            () if flags.contains("ef") => "UID          PID    PPID  C STIME TTY          TIME CMD\n",
            () => "    PID TTY          TIME CMD\n",
        };
        format!("{head}{}", all.iter().map(line).collect::<String>())
    }
}

/// The processes that a container sees: its own, or those of all where they share them.
fn shown(pod: &Pod, container: &str) -> Vec<Shown> {
    let shares = pod.spec.share_process_namespace == Some(true);
    let mut all = Vec::new();
    let mut next = 1;
    if shares {
        all.push(Shown { pid: 1, command: "/pause".into() });
        next = 7;
    }
    for one in pod.spec.containers.iter().filter(|one| shares || one.name == container) {
        for command in commands_of(one) {
            all.push(Shown { pid: next, command });
            next += if next == 1 { 28 } else { 1 };
        }
        next += 5;
    }
    all
}

/// What runs in a container: its command, or what its image begins with.
fn commands_of(container: &Container) -> Vec<String> {
    let words: Vec<&str> =
        container.command.iter().chain(&container.args).flatten().map(String::as_str).collect();
    let image = container.image.as_deref().unwrap_or_default();
    let nginx = || vec!["nginx: master process nginx -g daemon off;".into(), "nginx: worker process".into()];
    match words.as_slice() {
        // A shell that has only one command left becomes it.
        [shell, flag, script]
            if shell.ends_with("sh") && flag.ends_with('c') && !script.contains([';', '&', '|', '\n']) =>
        {
            vec![script.trim().trim_start_matches("exec ").to_string()]
        }
        [_, ..] if container.command.is_some() || ports::base_name(image) != "nginx" => vec![words.join(" ")],
        _ => match ports::base_name(image) {
            "nginx" | "nginx-slim" | "nginx-unprivileged" => nginx(),
            "httpd" => vec!["httpd -DFOREGROUND".into(); 4],
            "redis" => vec!["redis-server *:6379".into()],
            "mysql" => vec!["mysqld".into()],
            "mariadb" => vec!["mariadbd".into()],
            "postgres" => vec!["postgres".into()],
            "busybox" | "alpine" => vec!["sh".into()],
            "ubuntu" | "debian" => vec!["bash".into()],
            base => vec![format!("/{base}")],
        },
    }
}

fn address(pod: &Pod) -> &str {
    pod.status.pod_ip.as_deref().unwrap_or("127.0.0.1")
}

/// The node's part of the pod network: `10.244.2`.
fn network(ip: &str) -> &str {
    ip.rsplit_once('.').map_or(ip, |(network, _)| network)
}

fn hardware(ip: &str) -> String {
    let bytes = ip.split('.').filter_map(|part| part.parse::<u8>().ok()).map(|byte| format!(":{byte:02x}"));
    format!("0a:58{}", bytes.collect::<String>())
}

fn interfaces(pod: &Pod) -> String {
    let ip = address(pod);
    let (network, hardware) = (network(ip), hardware(ip));
    let forever = "       valid_lft forever preferred_lft forever\n";
    format!(
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    \
         inet 127.0.0.1/8 scope host lo\n{forever}    inet6 ::1/128 scope host \n{forever}\
         2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1450 qdisc noqueue \n    link/ether {hardware} brd ff:ff:ff:ff:ff:ff\n    \
         inet {ip}/24 brd {network}.255 scope global eth0\n{forever}"
    )
}

fn routes(pod: &Pod) -> String {
    let ip = address(pod);
    let network = network(ip);
    format!(
        "default via {network}.1 dev eth0 \n10.244.0.0/16 via {network}.1 dev eth0 \n{network}.0/24 dev eth0 scope link  src {ip} \n"
    )
}

fn old_interfaces(pod: &Pod) -> String {
    let ip = address(pod);
    let (network, hardware) = (network(ip), hardware(ip).to_uppercase());
    format!(
        "eth0      Link encap:Ethernet  HWaddr {hardware}  \n          inet addr:{ip}  Bcast:{network}.255  Mask:255.255.255.0\n          \
         UP BROADCAST RUNNING MULTICAST  MTU:1450  Metric:1\n\nlo        Link encap:Local Loopback  \n          inet addr:127.0.0.1  \
         Mask:255.0.0.0\n          UP LOOPBACK RUNNING  MTU:65536  Metric:1\n\n"
    )
}

/// The ports at which the pod's containers listen.
fn listening(program: &str, pod: &Pod) -> String {
    let mut all: Vec<u16> = pod
        .spec
        .containers
        .iter()
        .filter_map(|container| ports::listening(pod, container))
        .flatten()
        .collect();
    crate::api::sorting::sort_by_key(&mut all, |port| *port);
    all.dedup();
    let line = |port: &u16| match program {
        "ss" => format!("LISTEN 0      511          0.0.0.0:{port:<10} 0.0.0.0:*\n"),
        _ => format!(
            "tcp        0      0 {:<23} 0.0.0.0:*               LISTEN      \n",
            format!("0.0.0.0:{port}")
        ),
    };
    let head = match program {
        "ss" => "State  Recv-Q Send-Q Local Address:Port       Peer Address:Port\n",
        _ => {
            "Active Internet connections (only servers)\nProto Recv-Q Send-Q Local Address           Foreign Address         State       \n"
        }
    };
    format!("{head}{}", all.iter().map(line).collect::<String>())
}
