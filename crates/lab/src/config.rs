//! What a cluster is made of: the files and the command line that follow from it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::account::Account;
use crate::{Cluster, Error, Installation, Result, client, template};

/// The superuser of every cluster.
pub const SUPERUSER: &str = "postgres";

/// The superuser's password; no secret, but easily recognised where it must not appear.
pub const SUPERUSER_PASSWORD: &str = "lab-superuser-7Qm2";

/// How connections over TCP prove who they are; those through the socket are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TcpAuth {
    /// SCRAM passwords.
    #[default]
    Password,
    /// Anybody may be anybody.
    Trust,
}

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct Config {
    /// The programs to use.
    pub installation: Installation,
    /// Server settings, over the lab's own, as in `postgresql.conf` but unquoted.
    pub settings: Vec<(String, String)>,
    /// Authentication over TCP.
    pub tcp_auth: TcpAuth,
    /// The locale of the first databases.
    pub locale: String,
    /// Puts all databases on a disk with this many free bytes; such a cluster cannot be started again once stopped.
    pub free_bytes: Option<u64>,
}

impl Config {
    /// The usual cluster of an installation: passwords over TCP, the locale `C.UTF-8`, an ample disk.
    pub fn of(installation: Installation) -> Self {
        Self { installation, settings: Vec::new(), tcp_auth: TcpAuth::default(), locale: "C.UTF-8".to_owned(), free_bytes: None }
    }

    /// Makes and starts the cluster.
    pub fn start(self) -> Result<Cluster> {
        let account = Account::choose()?;
        let locale = self.locale.clone();
        Cluster::with_data(self, account, |data, installation| template::copy_to(data, installation, account, &locale))
    }
}

/// Writes the settings and the rules of authentication into a data directory.
pub(crate) fn configure(data: &Path, config: &Config) -> Result<()> {
    let usual = [
        ("fsync", "off"),
        ("synchronous_commit", "off"),
        ("full_page_writes", "off"),
        ("max_wal_size", "4GB"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
        ("lc_messages", "C"),
        ("log_line_prefix", "%m [%p] %q%u@%d %a "),
    ];
    let own = config.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut settings = String::from("\n# restage-lab\n");
    for (name, value) in usual.into_iter().chain(own) {
        // Writing to a string cannot fail.
        let _ = writeln!(settings, "{name} = '{}'", value.replace('\'', "''"));
    }
    append(&data.join("postgresql.conf"), &settings)?;

    let method = match config.tcp_auth {
        TcpAuth::Password => "scram-sha-256",
        TcpAuth::Trust => "trust",
    };
    let rules = format!(
        "local all all trust\nlocal replication all trust\n\
         host all all 127.0.0.1/32 {method}\nhost replication all 127.0.0.1/32 {method}\n"
    );
    let path = data.join("pg_hba.conf");
    fs::write(&path, rules).map_err(Error::file("write", &path))
}

fn append(path: &Path, text: &str) -> Result<()> {
    let mut content = fs::read_to_string(path).map_err(Error::file("read", path))?;
    content.push_str(text);
    fs::write(path, content).map_err(Error::file("write", path))
}

/// Mounts a small disk over the databases, in a mount namespace that ends with the server, then becomes the server.
const LIMITED_DISK: &str = r#"
set -e
mount --make-rprivate / 2>/dev/null || true # in a chroot there may be no such mount point
free=$1 base=$2 disk=$3
shift 3
mkdir "$disk"
used=$(du -s -B1 "$base" | cut -f1)
mount -t tmpfs -o "size=$((used + free))" tmpfs "$disk"
cp -a "$base/." "$disk"
mount --bind "$disk" "$base"
exec "$@"
"#;

/// The server's command line, as far as it is known before the port is.
pub(crate) fn server_command(config: &Config, account: Account, folder: &Path) -> Command {
    let data = folder.join("data");
    let mut words: Vec<String> = Vec::new();
    let limited = |words: &mut Vec<String>, free: u64| {
        let (base, disk) = (data.join("base"), folder.join("disk"));
        words.extend(["--", "sh", "-c", LIMITED_DISK, "limited-disk"].map(str::to_owned));
        words.extend([free.to_string(), base.display().to_string(), disk.display().to_string()]);
    };
    match (account, config.free_bytes) {
        (Account::Own, None) => {}
        (Account::Own, Some(free)) => {
            // An ordinary user may mount only as the root of a namespace, and the server refuses to be root.
            words.extend(["unshare", "--user", "--map-root-user", "--mount"].map(str::to_owned));
            limited(&mut words, free);
            let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
            words.extend(["unshare", "--user"].map(str::to_owned));
            words.extend([format!("--map-user={uid}"), format!("--map-group={gid}"), "--".to_owned()]);
        }
        (Account::Other { uid, gid }, free) => {
            if let Some(free) = free {
                words.extend(["unshare", "--mount", "--propagation", "unchanged"].map(str::to_owned));
                limited(&mut words, free);
            }
            words.extend(["setpriv".to_owned(), format!("--reuid={uid}"), format!("--regid={gid}")]);
            words.extend(["--clear-groups", "--"].map(str::to_owned));
        }
    }
    if let Some(libraries) = config.installation.libraries() {
        words.extend(["env".to_owned(), format!("LD_LIBRARY_PATH={}", libraries.display())]);
    }
    words.push(config.installation.bin("postgres").display().to_string());
    words.extend(["-D".to_owned(), data.display().to_string()]);
    words.extend(["-k".to_owned(), folder.join("socket").display().to_string()]);
    words.extend(["-h".to_owned(), "127.0.0.1".to_owned()]);
    let mut command = Command::new(words.remove(0));
    command.args(words);
    client::forget_environment(&mut command);
    command
}
