//! Where a declaration comes from: a file that holds one, or the body of a request.

use super::context::{CliError, Global, read, write};
use clap::{Args, builder::PossibleValuesParser};
use selfsame_protocol::digest::Digest;
use selfsame_protocol::import::{self, ImportOptions, Imported, manifest};
use selfsame_protocol::run::{DECLARATION_TYPE, Declaration, LintWarning};
use std::path::{Path, PathBuf};

fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(import::formats::ALL.iter().map(|format| format.name))
}

/// How a request body is read.
#[derive(Args, Clone, Debug)]
pub struct Reading {
    /// The file is the body of a request, as your client sends it (docs/imports.md).
    #[arg(long, help_heading = "Import")]
    pub import: bool,
    /// Format of the body; found out where the body leaves no doubt.
    #[arg(long, requires = "import", value_parser = formats(), hide_possible_values = true, help_heading = "Import",
          long_help = format_help())]
    pub format: Option<String>,
    /// The model, where the address names it and not the body (Azure, Bedrock, Vertex, Gemini, llama.cpp).
    #[arg(long, requires = "import", help_heading = "Import")]
    pub model: Option<String>,
    /// Who runs the model, for example openai, azure.ai.openai, aws.bedrock, gcp.gemini.
    #[arg(long, requires = "import", help_heading = "Import")]
    pub provider: Option<String>,
    /// Resolved revision of the model.
    #[arg(long, requires = "import", help_heading = "Import")]
    pub revision: Option<String>,
    /// Digest of the weights, or the file of their OpenSSF Model Signing manifest.
    #[arg(long, requires = "import", value_name = "DIGEST|FILE", help_heading = "Import")]
    pub weights: Option<String>,
    /// Name of this instance, for repeats that are to be distinct runs.
    #[arg(long, requires = "import", help_heading = "Import")]
    pub instance: Option<String>,
}

fn format_help() -> String {
    let lines = import::formats::ALL.iter().map(|format| format!("- {}: {}", format.name, format.about));
    let lines: Vec<String> = lines.collect();
    format!("Format of the body; found out where the body leaves no doubt.\n\n{}", lines.join("\n"))
}

/// A declaration, or a request body to make one from.
#[derive(Args, Clone, Debug)]
pub struct Source {
    /// File with a declaration, or with the body of a request when --import is given; - for standard input.
    pub file: PathBuf,
    #[command(flatten)]
    pub reading: Reading,
}

/// A declaration, with what is to be said about where it came from.
pub struct Taken {
    /// The declaration.
    pub declaration: Declaration,
    /// What the importer warns of.
    pub warnings: Vec<LintWarning>,
    /// The import, where there was one.
    pub imported: Option<Imported>,
}

impl Reading {
    /// What stands beside the body, with a warning where it is less than it looks.
    pub fn options(&self) -> Result<(ImportOptions, Option<LintWarning>), CliError> {
        let mut warning = None;
        let weights = match &self.weights {
            None => None,
            Some(text) if text.starts_with("sha256:") => Some(text.parse::<Digest>().map_err(CliError::usage)?),
            Some(file) => {
                let root = manifest::root(&read(Path::new(file))?);
                warning = Some(LintWarning {
                    rule: "MANIFEST_SIGNATURE_UNCHECKED",
                    pointer: "/model/digest".into(),
                    advice:
                        "the digest was recomputed from the manifest's files; who signed the manifest was not checked"
                            .into(),
                });
                Some(root.map_err(|reason| CliError::usage(format!("{file}: {reason}")))?)
            }
        };
        let options = ImportOptions {
            format: self.format.as_deref().and_then(import::format),
            model: self.model.clone(),
            provider: self.provider.clone(),
            revision: self.revision.clone(),
            weights,
            instance: self.instance.clone(),
        };
        Ok((options, warning))
    }

    /// Reads bytes as what the flags say.
    pub fn take(&self, bytes: &[u8]) -> Result<Taken, CliError> {
        if !self.import {
            let declaration = Declaration::parse(bytes).map_err(|error| hinted(bytes, error))?;
            return Ok(Taken { declaration, warnings: Vec::new(), imported: None });
        }
        let (options, warning) = self.options()?;
        let imported = import::import(bytes, &options)?;
        let warnings = imported.warnings.iter().cloned().chain(warning).collect();
        Ok(Taken { declaration: imported.declaration.clone(), warnings, imported: Some(imported) })
    }

    /// The same, but a declaration is taken as one although the flags say that bodies come.
    pub fn either(&self, bytes: &[u8]) -> Result<Taken, CliError> {
        let declared = self.import && Declaration::parse(bytes).is_ok();
        if declared { Reading { import: false, ..self.clone() }.take(bytes) } else { self.take(bytes) }
    }
}

/// An error of a declaration, with the flag that was probably forgotten.
fn hinted(bytes: &[u8], error: selfsame_protocol::canon::CanonError) -> CliError {
    let mut error = CliError::from(error);
    let value: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    if value.is_object() && value["type"] != DECLARATION_TYPE {
        error.message.push_str("; for the body of a request add --import");
    }
    error
}

impl Source {
    /// Reads the declaration, and says on standard error what the importer warns of.
    pub fn declaration(&self, global: &Global) -> Result<Declaration, CliError> {
        let taken = self.take()?;
        warn(global, &taken.warnings);
        Ok(taken.declaration)
    }

    /// Reads the declaration.
    pub fn take(&self) -> Result<Taken, CliError> {
        self.reading.take(&read(&self.file)?)
    }
}

/// Says warnings on standard error.
pub fn warn(global: &Global, warnings: &[LintWarning]) {
    for warning in warnings {
        global.say(&format!("{}: {}: {}", warning.rule, warning.pointer, warning.advice));
    }
}

/// Writes what went by digest into a folder, each file under the hexadecimal digits of its digest.
pub fn keep(imported: &Imported, folder: &Path) -> Result<usize, CliError> {
    std::fs::create_dir_all(folder)
        .map_err(|error| CliError::with(1, format!("{}: the folder was not made: {error}", folder.display())))?;
    for (digest, kept) in &imported.contents {
        write(&folder.join(digest.hex()), &kept.bytes)?;
    }
    Ok(imported.contents.len())
}
