//! Where recordings are kept: a folder, or S3.
