//! Web servers that answer with what lies in a directory: which containers are such, and what each says at a path. Probes ask
//! (the kubelet's part) and so do requests (the network's).

mod nginx;

use std::sync::Arc;

use sorted::SortedMap;

use nginx::Action;
pub use nginx::Settings;

use super::ports::base_name;
use crate::api::k8s::Container;

/// Whose manners a server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// The official images of nginx.
    Nginx,
    /// The official image of Apache.
    Apache,
    /// busybox's `httpd`.
    Busybox,
}

/// A server, and the directory that its pages lie in, without a slash at either end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// See [`Manner`].
    pub manner: Manner,
    /// The directory.
    pub root: String,
    /// Where its configuration lies, if that is not its image's. Then nothing is known of its pages before it has been read.
    pub settings: Option<&'static str>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// The document.
    pub body: String,
}

/// The pages of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    manner: Manner,
    /// As its image's tag has it; empty where that says nothing.
    version: String,
    /// By their paths below the root.
    pages: SortedMap<String, Arc<str>>,
    /// What it was told when it began, if anything.
    settings: Option<Arc<Settings>>,
}

/// The page that nginx brings along.
pub const NGINX_PAGE: &str = "<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n<body>\n<h1>Welcome to nginx!</h1>\n\
                              <p>If you see this page, nginx is successfully installed and working.</p>\n</body>\n</html>\n";
/// The page that Apache brings along.
pub const APACHE_PAGE: &str = "<html><body><h1>It works!</h1></body></html>\n";

const INDEX: &str = "index.html";

impl Program {
    /// The server that a container is, if it is one of which it can be known what it answers.
    pub fn of(container: &Container) -> Option<Program> {
        let image = container.image.as_deref().unwrap_or_default();
        let configured = |directory: &str| {
            let mut mounts = container.volume_mounts.iter().flatten();
            mounts.any(|mount| overlaps(mount.mount_path.trim_matches('/'), directory))
        };
        let known = |manner, root: &str, settings| {
            let program = Program { manner, root: root.into(), settings };
            (!image.contains("bitnami")).then_some(program)
        };
        match base_name(image) {
            "nginx" | "nginx-slim" | "nginx-unprivileged" => {
                let settings = Some("etc/nginx").filter(|directory| configured(directory));
                known(Manner::Nginx, "usr/share/nginx/html", settings)
            }
            "httpd" if !configured("usr/local/apache2/conf") => {
                known(Manner::Apache, "usr/local/apache2/htdocs", None)
            }
            "busybox" | "alpine" => busybox(container),
            _ => None,
        }
    }

    /// The page that an image has in its directory.
    pub fn own_page(&self) -> Option<(String, &'static str)> {
        let page = match self.manner {
            Manner::Nginx => NGINX_PAGE,
            Manner::Apache => APACHE_PAGE,
            Manner::Busybox => return None,
        };
        Some((format!("{}/{INDEX}", self.root), page))
    }

    /// Whether something is mounted where the pages or the settings lie.
    pub fn has_mounts(&self, container: &Container) -> bool {
        let mut mounts = container.volume_mounts.iter().flatten();
        self.settings.is_some()
            || mounts.any(|mount| overlaps(mount.mount_path.trim_matches('/'), &self.root))
    }
}

/// Whether one of two paths lies in the other.
fn overlaps(one: &str, other: &str) -> bool {
    let within = |path: &str, directory: &str| {
        path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(one, other) || within(other, one)
}

/// `httpd -f -p 8080 -h /www`, wherever it stands in a command.
fn busybox(container: &Container) -> Option<Program> {
    let words = container.command.iter().chain(&container.args).flatten();
    let words = words.flat_map(|word| word.split([' ', '\n', '\t', ';', '&', '"', '\'']));
    let mut words =
        words.filter(|word| !word.is_empty()).skip_while(|word| *word != "httpd").skip(1).peekable();
    words.peek()?;
    let directory = words.by_ref().skip_while(|word| *word != "-h").nth(1);
    let root = directory.or(container.working_dir.as_deref()).unwrap_or_default();
    Some(Program { manner: Manner::Busybox, root: root.trim_matches('/').into(), settings: None })
}

impl Site {
    /// The site of a server that was told this when it began, with the files that are below a directory now.
    pub fn new(
        program: &Program,
        image: &str,
        settings: Option<Arc<Settings>>,
        files_below: impl Fn(&str) -> SortedMap<String, Arc<str>>,
    ) -> Site {
        let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag).split('-').next().unwrap_or_default();
        let version = if tag.split('.').count() > 1 { tag } else { "" };
        let root = settings.as_ref().and_then(|settings| settings.root.as_deref()).unwrap_or(&program.root);
        Site { manner: program.manner, version: version.into(), pages: files_below(root), settings }
    }

    /// The site that a container comes with; none for one that is configured.
    pub fn of_image(container: &Container) -> Option<Site> {
        let program = Program::of(container).filter(|program| program.settings.is_none())?;
        let page = program.own_page().map(|(_, text)| (INDEX.to_string(), text.into()));
        let pages = page.into_iter().collect::<SortedMap<_, _>>();
        let image = container.image.as_deref().unwrap_or_default();
        Some(Site::new(&program, image, None, |_| pages.clone()))
    }

    /// The status with which a path is answered.
    pub fn status(&self, path: &str) -> u16 {
        match self.action(path) {
            Action::Return(status, _) => *status,
            Action::Elsewhere => 200,
            Action::Pages => self.find(path).map_or_else(|status| status, |_| 200),
        }
    }

    fn action(&self, path: &str) -> &Action {
        self.settings.as_ref().map_or(&Action::Pages, |settings| settings.action(path))
    }

    /// What is answered at a path; nothing where somebody else answers.
    pub fn page(&self, path: &str) -> Option<Page> {
        let (status, body) = match self.action(path) {
            Action::Elsewhere => return None,
            Action::Return(status, text) if text.is_empty() && *status >= 300 => {
                (*status, self.refusal(*status))
            }
            Action::Return(status, text) => (*status, text.clone()),
            Action::Pages => match self.find(path) {
                Ok(Some(text)) => (200, text.to_string()),
                Ok(None) => (200, self.listing(path)),
                Err(status) => (status, self.refusal(status)),
            },
        };
        Some(Page { status, body })
    }

    /// The text at a path, or none for the listing of a directory, or the status of a refusal.
    fn find(&self, path: &str) -> Result<Option<&str>, u16> {
        let path = bare(path);
        if let Some(text) = self.pages.get(path) {
            return Ok(Some(text));
        }
        let below = if path.is_empty() { String::new() } else { format!("{path}/") };
        if let Some(text) = self.pages.get(&format!("{below}{INDEX}")) {
            return Ok(Some(text));
        }
        let next = self.pages.range(below.clone()..).next();
        let is_directory = path.is_empty() || next.is_some_and(|(page, _)| page.starts_with(&below));
        match (is_directory, self.manner) {
            (true, Manner::Nginx) => Err(403),
            (true, Manner::Apache) => Ok(None),
            _ => Err(404),
        }
    }

    /// What Apache says of a directory without an index.
    fn listing(&self, path: &str) -> String {
        let path = bare(path);
        let below = if path.is_empty() { String::new() } else { format!("{path}/") };
        let inside = self.pages.keys().filter_map(|page| page.strip_prefix(below.as_str()));
        let mut names: Vec<String> = inside
            .map(|name| {
                name.split_once('/').map_or(name.to_string(), |(directory, _)| format!("{directory}/"))
            })
            .collect();
        names.dedup();
        let items: String =
            names.iter().map(|name| format!("<li><a href=\"{name}\"> {name}</a></li>\n")).collect();
        let title = format!("Index of /{path}");
        format!(
            "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<html>\n <head>\n  <title>{title}</title>\n </head>\n \
             <body>\n<h1>{title}</h1>\n<ul>{items}</ul>\n</body></html>\n"
        )
    }

    fn refusal(&self, status: u16) -> String {
        let reason = reason(status);
        match self.manner {
            Manner::Nginx => {
                let slash = if self.version.is_empty() { "" } else { "/" };
                let server = format!("nginx{slash}{}", self.version);
                format!(
                    "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} {reason}</h1></center>\r\n\
                     <hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
                )
                .replace('\r', "")
            }
            Manner::Apache => format!(
                "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>{status} {reason}</title>\n</head><body>\n\
                 <h1>{reason}</h1>\n<p>The requested URL was not found on this server.</p>\n</body></html>\n"
            ),
            Manner::Busybox => format!(
                "<HTML><HEAD><TITLE>{status} {reason}</TITLE></HEAD>\n<BODY><H1>{status} {reason}</H1>\nThe requested URL was not \
                 found\n</BODY></HTML>\n"
            ),
        }
    }
}

/// What a status is called.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        410 => "Gone",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        _ => "",
    }
}

/// A path without its query and without slashes at either end.
fn bare(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or_default().trim_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::k8s::VolumeMount;

    fn container(image: &str) -> Container {
        Container { image: Some(image.into()), ..Container::default() }
    }

    fn site(image: &str, pages: &[&str]) -> Site {
        let program = Program::of(&container(image)).unwrap();
        let pages: SortedMap<_, _> = pages.iter().map(|path| (path.to_string(), Arc::from(*path))).collect();
        Site::new(&program, image, None, |_| pages.clone())
    }

    #[test]
    fn a_path_is_a_page_a_directory_or_nothing() {
        let nginx = site("nginx:1.27.3-alpine", &["index.html", "shop/index.html", "shop/cart", "img/a.png"]);
        let cases = [
            ("/", 200),
            ("", 200),
            ("/?a=b", 200),
            ("/index.html", 200),
            ("/shop", 200),
            ("/shop/", 200),
            ("/shop/cart", 200),
            ("/img", 403),
            ("/img/a.png", 200),
            ("/im", 404),
            ("/healthz", 404),
        ];
        for (path, want) in cases {
            assert_eq!((nginx.status(path), nginx.page(path).unwrap().status), (want, want), "{path}");
        }
        assert_eq!(nginx.page("/shop").unwrap().body, "shop/index.html");
        assert!(nginx.page("/x").unwrap().body.contains("nginx/1.27.3<"));
        assert_eq!(site("nginx", &[]).status("/"), 403, "an empty directory");
        assert_eq!(site("httpd", &[]).status("/"), 200, "which Apache lists");
        assert!(
            site("httpd", &["a/b", "a/c", "d"])
                .page("/")
                .unwrap()
                .body
                .contains("<li><a href=\"a/\"> a/</a></li>\n<li><a href=\"d\">")
        );
    }

    #[test]
    fn servers_are_known_by_their_images_and_commands_unless_they_are_configured() {
        let mounted = |image: &str, path: &str| Container {
            volume_mounts: Some(vec![VolumeMount { mount_path: path.into(), ..VolumeMount::default() }]),
            ..container(image)
        };
        assert_eq!(Program::of(&container("nginx")).unwrap().root, "usr/share/nginx/html");
        assert_eq!(Program::of(&mounted("nginx", "/etc/nginx/conf.d")).unwrap().settings, Some("etc/nginx"));
        assert!(Site::of_image(&mounted("nginx", "/etc")).is_none());
        assert!(Program::of(&mounted("httpd", "/usr/local/apache2/conf/httpd.conf")).is_none());
        assert!(Program::of(&container("bitnami/nginx")).is_none());
        assert!(Program::of(&container("redis")).is_none());
        let page = mounted("nginx", "/usr/share/nginx/html/index.html");
        assert!(Program::of(&page).unwrap().has_mounts(&page));
        let log = mounted("nginx", "/var/log/nginx");
        assert!(!Program::of(&log).unwrap().has_mounts(&log));
        let script = "mkdir /www; httpd -f -p 80 -h /www";
        let busybox = Container {
            command: Some(["sh", "-c", script].map(String::from).into()),
            ..container("busybox:1.36")
        };
        assert_eq!(Program::of(&busybox).unwrap().root, "www");
        assert!(Program::of(&container("busybox")).is_none());
    }
}
