//! What may be typed.

mod keys;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use realmwright_idp::settings::{OtlpSettings, listen_address};
use url::Url;

pub(crate) use keys::{Keys, KeysCommand, KeysRotate, PurposeName};

/// Identity as declared state: check, try and serve realms written as YAML.
#[derive(Debug, Parser)]
#[command(
    name = "realmwright",
    version,
    after_help = "Exit status:
  0  done, and nothing is wrong
  1  done, and something is wrong: faults in YAML, failing tests, no such account
  2  wrong usage
  3  could not be done: unreadable files, no connection, refused by the server
  4  plan: something changes
  5  plan: something risky changes"
)]
pub(crate) struct Arguments {
    /// How results are written.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) format: Format,

    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// What clap cannot say: a format that this command does not write.
    ///
    /// # Errors
    /// Wrong usage, to be shown.
    pub(crate) fn check(&self) -> Result<(), clap::Error> {
        let (is_written, by) = match self.format {
            Format::Human | Format::Json => return Ok(()),
            Format::Markdown => (matches!(self.command, Command::Plan(_)), "`plan` alone"),
            Format::Junit => (matches!(self.command, Command::Test(_)), "`test` alone"),
            Format::Sarif | Format::Github => (
                matches!(
                    self.command,
                    Command::Validate(_) | Command::Test(_) | Command::Plan(_)
                ),
                "`validate`, `test` and `plan`",
            ),
        };
        if is_written {
            return Ok(());
        }
        let format = self.format.to_possible_value();
        let format = format.as_ref().map_or("", PossibleValue::get_name);
        Err(Self::command().error(
            ErrorKind::ArgumentConflict,
            format!("the format {format} is written by {by}; take human or json"),
        ))
    }
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people; in colour on a terminal.
    #[default]
    Human,
    /// For programs.
    Json,
    /// For a comment on a pull request: `plan` alone.
    Markdown,
    /// Annotations of GitHub Actions: `validate`, `test`, `plan`.
    Github,
    /// SARIF 2.1.0 for code scanning: `validate`, `test`, `plan`.
    Sarif,
    /// JUnit XML for test reports: `test` alone.
    Junit,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a folder of YAML on this machine; an edit is live in under a second.
    Dev(Box<Dev>),
    /// Say everything that is wrong with a folder of YAML.
    Validate(Sources),
    /// Run the config tests (RealmTest) of a folder.
    Test(Tests),
    /// Say what a change does to people and applications.
    Plan(Compare),
    /// Say what a login would come to: steps, tokens, userinfo.
    Evaluate(Box<Evaluate>),
    /// Explain a diagnostic, such as RW0123.
    Explain(Explain),
    /// Write the custom resource definitions for Kubernetes.
    Crds(Crds),
    /// Write the JSON Schemas of all kinds, for editors.
    Schemas(Schemas),
    /// Write what completes these commands in a shell.
    Completion(Completion),
    /// Write the manual pages.
    Man(Man),
    /// List and replace the keys of realms that `dev` serves.
    Keys(Keys),
    /// Look after people's accounts through the REST API of a realm.
    Accounts(Box<Accounts>),
    /// Say which rule refused somebody, by the number that they were shown.
    WhyDenied(Box<WhyDenied>),
}

/// A folder of YAML.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  realmwright validate examples/quickstart
  realmwright validate --production config/ --format json
  realmwright validate config/ --format sarif > realmwright.sarif")]
pub(crate) struct Sources {
    /// Folder with YAML files, or a single file.
    pub(crate) folder: PathBuf,

    /// Judge as a production pod would: issuers must be https.
    #[arg(long)]
    pub(crate) production: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  realmwright test examples/quickstart
  realmwright test examples/quickstart --only second-factor
  realmwright test config/ --format junit > realmwright.xml")]
pub(crate) struct Tests {
    #[command(flatten)]
    pub(crate) sources: Sources,

    /// Only cases whose name holds this text.
    #[arg(long)]
    pub(crate) only: Option<String>,
}

/// Two configurations.
#[derive(Debug, Args)]
#[command(
    after_help = "Each side is a folder, REVISION:PATH in the Git work tree here, or a folder of sealed snapshots
(<folder>/.realmwright/published is what `dev` serves). A revision alone means the folder of the
other side.

Examples:
  realmwright plan main config/
  realmwright plan v1.4:config v1.5:config --format markdown
  realmwright plan config/.realmwright/published config/

Exit status: 0 nothing changes, 4 something changes, 5 something risky changes, 1 a side does not
compile."
)]
pub(crate) struct Compare {
    /// What is there.
    pub(crate) old: String,

    /// What is to come.
    pub(crate) new: String,
}

/// A login that nobody makes.
#[derive(Debug, Args)]
#[command(
    after_help = "The code that serves answers; nothing is stored and nobody is logged in. The configuration is a
folder, REVISION:PATH in the Git work tree, or a folder of sealed snapshots. Without --attribute,
--person and --account it is somebody without attributes who holds every credential. An account is
read through the REST API of the realm that it lives in; the configuration may be another one, such
as a change that is not served yet. Rules about `person.sub` see an invented one.

Examples:
  realmwright evaluate examples/quickstart --client demo --person demo --scope openid --scope email
  realmwright evaluate config/ --client demo --attribute email=ann@example.com --role staff --ip 192.0.2.1
  realmwright evaluate main:config --client demo --session password --session-age 2h --prompt none
  realmwright evaluate config/ --client demo --dev config/ --account email=ann@example.com

Exit status: 0 the person gets in, 1 the login is refused."
)]
pub(crate) struct Evaluate {
    /// The configuration.
    pub(crate) configuration: String,

    /// Identifier of the application.
    #[arg(long)]
    pub(crate) client: String,

    /// Realm, where there are several.
    #[arg(long)]
    pub(crate) realm: Option<String>,

    /// Region, where the realm is in several.
    #[arg(long)]
    pub(crate) region: Option<String>,

    #[command(flatten)]
    pub(crate) person: EvaluatedPerson,

    #[command(flatten)]
    pub(crate) request: EvaluatedRequest,

    #[command(flatten)]
    pub(crate) target: Target,
}

/// Who logs in.
#[derive(Debug, Args)]
#[command(next_help_heading = "The person")]
pub(crate) struct EvaluatedPerson {
    /// A bootstrap account, by its name.
    #[arg(long)]
    pub(crate) person: Option<String>,

    /// A living account of a served realm, by its identifier or by a searchable attribute as
    /// `name=value`. Where the realm is and as whom to speak is said as for `accounts`.
    #[arg(long, conflicts_with = "person")]
    pub(crate) account: Option<String>,

    /// An attribute as `name=value`; repeat a name for a list. Stands before that of the account.
    #[arg(long = "attribute")]
    pub(crate) attributes: Vec<Assignment>,

    /// A realm role, or `client:role`, beside those of the account.
    #[arg(long = "role")]
    pub(crate) roles: Vec<String>,

    /// A group, as a full path, beside those of the account.
    #[arg(long = "group")]
    pub(crate) groups: Vec<String>,

    /// A method whose credential the person holds. Default: those of the account, without one all.
    #[arg(long = "credential")]
    pub(crate) credentials: Vec<String>,

    /// How many factors the person demands.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) required_factors: Option<u8>,

    /// The account is locked.
    #[arg(long)]
    pub(crate) locked: bool,
}

/// What is asked for, from where and when.
#[derive(Debug, Args)]
#[command(next_help_heading = "The request")]
pub(crate) struct EvaluatedRequest {
    /// A scope. Default: the default scopes of the application.
    #[arg(long = "scope")]
    pub(crate) scopes: Vec<String>,

    /// A value of `prompt`: none, login, consent, select_account.
    #[arg(long = "prompt")]
    pub(crate) prompts: Vec<String>,

    /// `max_age`, such as 15m.
    #[arg(long)]
    pub(crate) max_age: Option<String>,

    /// A value of `acr_values`, the preferred first.
    #[arg(long = "acr-value")]
    pub(crate) acr_values: Vec<String>,

    /// Address of the browser.
    #[arg(long)]
    pub(crate) ip: Option<String>,

    /// When, RFC 3339. Default: now.
    #[arg(long)]
    pub(crate) at: Option<String>,

    /// A method that was passed in the session that the browser brings.
    #[arg(long = "session")]
    pub(crate) session: Vec<String>,

    /// How long ago, such as 2h.
    #[arg(long, requires = "session")]
    pub(crate) session_age: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  realmwright explain RW0207
  realmwright explain --all")]
pub(crate) struct Explain {
    /// The code, as diagnostics show it.
    #[arg(required_unless_present = "all")]
    pub(crate) code: Option<String>,

    /// List every code.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  realmwright crds | kubectl apply --server-side -f -
  realmwright crds --output crds/")]
pub(crate) struct Crds {
    /// Folder to write one file a kind into, instead of standard output.
    #[arg(long)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Write them once and name the combined one in the first line of a manifest, or in the settings of
an editor for all files of a folder.

Examples:
  realmwright schemas --output .schemas
  # yaml-language-server: $schema=../.schemas/realmwright.json"
)]
pub(crate) struct Schemas {
    /// Folder to write one file a kind into, and `realmwright.json` for all.
    #[arg(long)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  realmwright completion bash > /etc/bash_completion.d/realmwright
  realmwright completion zsh > \"${fpath[1]}/_realmwright\"
  realmwright completion fish > ~/.config/fish/completions/realmwright.fish")]
pub(crate) struct Completion {
    /// The shell.
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  realmwright man | man -l -
  realmwright man --output /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// Folder to write a page for each command into, instead of the first one to standard output.
    #[arg(long)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  realmwright dev examples/quickstart
  realmwright dev config/ --listen 0.0.0.0:8443 --host id.test --tls-cert cert.pem --tls-key key.pem
  realmwright dev config/ --region pl
  realmwright dev config/ --otlp-endpoint http://127.0.0.1:4318

State lies in <folder>/.realmwright: the database, keys and generated secrets. Remove it to start
afresh.")]
pub(crate) struct Dev {
    /// Folder with YAML files.
    pub(crate) folder: PathBuf,

    /// Address to listen on.
    #[arg(long, value_parser = listen_address, default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,

    /// Host name in addresses, when it is not the address listened on.
    #[arg(long)]
    pub(crate) host: Option<String>,

    /// Region to serve, where the folder has several.
    #[arg(long)]
    pub(crate) region: Option<String>,

    /// Serve https with this certificate chain, PEM.
    #[arg(long, requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Its private key, PEM.
    #[arg(long, requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Address for probes and metrics; none are served without it.
    #[arg(long, value_parser = listen_address)]
    pub(crate) management_listen: Option<SocketAddr>,

    /// Do not start the demo application.
    #[arg(long)]
    pub(crate) no_demo: bool,

    /// Client of the folder that the demo application plays.
    #[arg(long, default_value = "demo")]
    pub(crate) demo_client: String,

    /// What is logged, such as `info` or `debug`.
    #[arg(long, env = "REALMWRIGHT_LOG", default_value = "warn")]
    pub(crate) log: String,

    #[command(flatten)]
    pub(crate) otlp: OtlpSettings,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  realmwright accounts --dev examples/quickstart find email=ann@example.com
  realmwright accounts --issuer https://id.example.com/main --client-id accounts \\
      --client-secret-file secret import people.ndjson

With --dev the address and the client are read from the folder's .realmwright state, which
`realmwright dev` keeps.")]
pub(crate) struct Accounts {
    #[command(flatten)]
    pub(crate) target: Target,

    /// Realm, where the folder of --dev has several.
    #[arg(long, requires = "dev")]
    pub(crate) realm: Option<String>,

    #[command(subcommand)]
    pub(crate) command: AccountsCommand,
}

/// A refusal, and where its rule is written.
#[derive(Debug, Args)]
#[command(
    after_help = "The number is on the page of the denial, or behind `reference` in the error_description that the
application got; hyphens may be left out. What is shown was recorded when the person was refused:
the rule, and whether each of its conditions held. No value of an attribute is recorded, and of
medical attributes not even that.

The configuration is a folder, REVISION:PATH in the Git work tree here, or a folder of sealed
snapshots; with --dev it is the folder that is served. Without one there are no files, lines and
texts to show.

Examples:
  realmwright why-denied 7f3a-k2pq-9d4e --dev examples/quickstart
  realmwright why-denied 7f3a-k2pq-9d4e config/ --issuer https://id.example.com/main \\
      --client-id helpdesk --client-secret-file secret
  realmwright why-denied 7f3a-k2pq-9d4e v1.4:config --format json

Exit status: 0 the refusal is shown, 1 there is none of this number (any more)."
)]
pub(crate) struct WhyDenied {
    /// The number, such as 7f3a-k2pq-9d4e.
    pub(crate) id: String,

    /// The configuration that the rule is written in.
    pub(crate) configuration: Option<String>,

    #[command(flatten)]
    pub(crate) target: Target,

    /// Realm, where the folder of --dev has several.
    #[arg(long, requires = "dev")]
    pub(crate) realm: Option<String>,
}

/// Which realm, and as whom.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// Folder that `realmwright dev` serves.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["issuer", "client_id", "client_secret_file"])]
    pub(crate) dev: Option<PathBuf>,

    /// Issuer of the realm.
    #[arg(long, env = "REALMWRIGHT_ISSUER")]
    pub(crate) issuer: Option<Url>,

    /// Client with the scope `realmwright:accounts`.
    #[arg(long, env = "REALMWRIGHT_CLIENT_ID")]
    pub(crate) client_id: Option<String>,

    /// File with its secret.
    #[arg(long, env = "REALMWRIGHT_CLIENT_SECRET_FILE")]
    pub(crate) client_secret_file: Option<PathBuf>,

    /// Further certificate authority to trust, PEM.
    #[arg(long, env = "REALMWRIGHT_CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountsCommand {
    /// Create an account.
    #[command(after_help = "Example:
  realmwright accounts --dev . create email=ann@example.com given_name=Ann --role staff --password-stdin")]
    Create {
        /// Attributes as `name=value`; repeat a name for a list.
        attributes: Vec<Assignment>,
        /// Realm role, or `client:role`.
        #[arg(long = "role")]
        roles: Vec<String>,
        /// Group, as a full path.
        #[arg(long = "group")]
        groups: Vec<String>,
        /// Read a first password from standard input, one line.
        #[arg(long)]
        password_stdin: bool,
        /// Ask for a new password at the first login.
        #[arg(long)]
        must_change: bool,
    },
    /// Find accounts by attributes.
    Find {
        /// Attributes as `name=value`, all of which must match exactly.
        #[arg(required = true)]
        attributes: Vec<Assignment>,
        /// At most so many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show an account.
    Show {
        /// Identifier.
        sub: String,
    },
    /// Change attributes; an empty value removes one.
    Set {
        /// Identifier.
        sub: String,
        /// Attributes as `name=value`.
        #[arg(required = true)]
        attributes: Vec<Assignment>,
    },
    /// Set a password, read from standard input.
    Password {
        /// Identifier.
        sub: String,
        /// Ask for a new one at the next login.
        #[arg(long)]
        must_change: bool,
    },
    /// Import accounts from a file of JSON objects, one a line. Run again after an interruption,
    /// it goes on where it stopped.
    #[command(after_help = r#"A line, of which everything may be left out:
  {"name": "ann", "attributes": {"email": "ann@example.com"}, "roles": ["staff"],
   "password": {"hash": "$2b$12$...", "mustChange": false}, "groups": ["/Office"],
   "requiredFactors": 0, "locked": false}

`name` is the account's key: by it a line that is sent again is known. Hashes may be Argon2,
bcrypt, scrypt or PBKDF2; they are replaced by the realm's own at the next login."#)]
    Import {
        /// The file.
        file: PathBuf,
        /// Go on after lines that are refused, and list them at the end.
        #[arg(long)]
        keep_going: bool,
        /// Begin at the first line, also where a former run went further.
        #[arg(long)]
        restart: bool,
    },
    /// Lock an account and end its sessions.
    Lock {
        /// Identifier.
        sub: String,
    },
    /// Unlock an account.
    Unlock {
        /// Identifier.
        sub: String,
    },
    /// List live sessions.
    Sessions {
        /// Identifier.
        sub: String,
    },
    /// End a session, or all.
    EndSession {
        /// Identifier.
        sub: String,
        /// Which session; all when left out.
        session: Option<String>,
    },
    /// Remove a second factor, so that the next login enrols a new one.
    ResetFactor {
        /// Identifier.
        sub: String,
        /// Kind of credential.
        #[arg(default_value = "totp")]
        kind: String,
    },
    /// Erase an account and everything about it. There is no way back.
    Erase {
        /// Identifier.
        sub: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Everything that is stored about a person, as JSON.
    Export {
        /// Identifier.
        sub: String,
    },
}

/// `name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl std::str::FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("expected name=value".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    /// Each format is written where it has a meaning, and refused elsewhere by name.
    #[test]
    fn a_format_is_refused_where_nothing_writes_it() {
        let check = |line: &str| {
            let words = std::iter::once("realmwright").chain(line.split(' '));
            Arguments::try_parse_from(words).and_then(|arguments| arguments.check())
        };
        for good in [
            "validate x --format sarif",
            "validate x --format github",
            "test x --format junit",
            "test x --format sarif",
            "plan x y --format markdown",
            "plan x y --format github",
            "explain --all --format json",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for (bad, by) in [
            ("validate x --format junit", "`test` alone"),
            ("validate x --format markdown", "`plan` alone"),
            (
                "explain --all --format sarif",
                "`validate`, `test` and `plan`",
            ),
        ] {
            let said = check(bad).unwrap_err().to_string();
            assert!(said.contains(by), "{bad}: {said}");
        }
    }

    #[test]
    fn an_assignment_is_split_at_the_first_sign() {
        let assignment: Assignment = "a=b=c".parse().unwrap();
        assert_eq!(
            (assignment.name.as_str(), assignment.value.as_str()),
            ("a", "b=c")
        );
        assert!("=b".parse::<Assignment>().is_err());
        assert!("a".parse::<Assignment>().is_err());
    }

    #[test]
    fn accounts_needs_a_realm_and_a_client() {
        let parse = |arguments: &[&str]| {
            Arguments::try_parse_from([&["realmwright", "accounts"], arguments].concat())
        };
        let fault = |arguments: &[&str]| match parse(arguments).unwrap().command {
            Command::Accounts(accounts) => {
                accounts.target.credentials(None).unwrap_err().to_string()
            }
            other => panic!("{other:?}"),
        };
        // Whoever develops looks for --dev, and clap would name only what is missing.
        for arguments in [&["show", "x"][..], &["--issuer", "https://x", "show", "x"]] {
            let said = fault(arguments);
            assert!(
                said.contains("--dev") && said.contains("--client-id"),
                "{said}"
            );
        }
        assert!(parse(&["--dev", ".", "show", "x"]).is_ok());
        assert!(parse(&["--dev", ".", "--issuer", "https://x", "show", "x"]).is_err());
    }
}
