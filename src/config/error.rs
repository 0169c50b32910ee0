//! What is wrong with a configuration, told so that it can be put right: where it stands, what is wrong, what
//! to write. Values of credentials never appear.

use super::{Source, file};
use std::{collections::BTreeMap, fmt, io, path::PathBuf};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("failed to read the configuration file {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not TOML, or holds an option that does not exist or a value of the wrong type.
    #[error(
        "failed to understand {name}: {detail}\nevery option stands in deploy/tandem.example.toml, which `tandem serve --print-example` prints"
    )]
    File {
        /// The file.
        name: String,
        /// Line, caret and cause, on several lines.
        detail: String,
    },
    /// An environment variable names an option that does not exist, or its value is of the wrong type.
    #[error("failed to understand the environment variable {variable} (option `{key}`): {detail}")]
    Variable {
        /// Its name.
        variable: String,
        /// The option it stands for.
        key: String,
        /// The cause, without the value.
        detail: String,
    },
    /// Values that cannot be used; all of them.
    #[error(transparent)]
    Problems(Problems),
}

/// One value that cannot be used, or is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The option, such as `call.max_duration_s`; the tools of the assistant are counted from 0.
    pub key: String,
    /// What is wrong with it.
    pub wrong: String,
    /// What to write instead.
    pub write: String,
    /// Where the value came from.
    pub origin: Origin,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of the file, counted from 1.
    File {
        /// The file.
        name: String,
        /// The line.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// Nobody set it.
    Unset,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::File { name, line } => write!(f, "{name}:{line}: ")?,
            Origin::Variable(name) => write!(f, "{name}: ")?,
            Origin::Unset => {}
        }
        write!(f, "`{}` {}; {}", self.key, self.wrong, self.write)
    }
}

/// All values of a configuration that cannot be used. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "the configuration has a problem:")?,
            several => write!(f, "the configuration has {several} problems:")?,
        }
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

impl Problems {
    /// Says of each problem where its value came from; `overlaid` holds the variable that set an option.
    pub(super) fn locate(
        mut problems: Vec<Problem>,
        file: Option<Source<'_>>,
        overlaid: &BTreeMap<String, String>,
    ) -> Self {
        for problem in &mut problems {
            problem.origin = if let Some(variable) = overlaid.get(&problem.key) {
                Origin::Variable(variable.clone())
            } else if let Some((source, line)) =
                file.and_then(|source| Some((source, file::line_of(source.text, &problem.key)?)))
            {
                Origin::File { name: source.name.to_owned(), line }
            } else {
                Origin::Unset
            };
        }
        Self(problems)
    }
}
