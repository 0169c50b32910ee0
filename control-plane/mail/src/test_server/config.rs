//! How Exim and Dovecot are told to keep to a folder.

use super::{DOMAIN, MailServerOptions, PASSWORD, Ports};
use std::path::Path;

/// What stands in the configurations.
pub(super) struct Names<'a> {
    pub(super) folder: &'a Path,
    /// What both greet with, so that nobody else's server is taken for this one.
    pub(super) greeting: &'a str,
    pub(super) user: &'a str,
    pub(super) group: &'a str,
    pub(super) ports: Ports,
    pub(super) options: &'a MailServerOptions,
}

pub(super) fn exim(names: &Names<'_>) -> String {
    let Names { greeting, user, group, ports: Ports { smtp, smtps, .. }, .. } = names;
    let folder = names.folder.display();
    // The name of the mailbox's folder has to come from the disk, not from the mail.
    let mailbox =
        format!("${{lookup{{$local_part@$domain}}dsearch,filter=dir{{{folder}/mail}}{{$value}}fail}}");
    let xoauth2 = names.options.tokeninfo.as_deref().and_then(exim_xoauth2).unwrap_or_default();
    format!(
        r#"exim_user = {user}
exim_group = {group}
primary_hostname = localhost
spool_directory = {folder}/spool
log_file_path = {folder}/log/exim_%slog
pid_file_path = {folder}/run/exim.pid
smtp_banner = localhost ESMTP {greeting}
local_interfaces = 127.0.0.1
daemon_smtp_ports = {smtp} : {smtps}
tls_on_connect_ports = {smtps}
tls_advertise_hosts = *
tls_certificate = {folder}/cert.pem
tls_privatekey = {folder}/key.pem
auth_advertise_hosts = *
deliver_drop_privilege = true
keep_environment =
never_users =
host_lookup =
rfc1413_hosts =
dkim_verify_signers =
message_size_limit = 20M
queue_run_max = 1
acl_smtp_rcpt = recipient
acl_smtp_data = message

begin acl
recipient:
  deny !authenticated = *
       message = 530 5.7.0 authentication required
  deny local_parts = refused
       message = 550 5.1.1 no such mailbox
  defer local_parts = later
       message = 450 4.2.0 come back later
  accept
message:
  accept

begin routers
mailboxes:
  driver = accept
  domains = {DOMAIN}
  local_part_suffix = +*
  local_part_suffix_optional
  address_data = {mailbox}
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = {folder}/mail/$address_data
  maildir_format
  delivery_date_add
  envelope_to_add
  return_path_add

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if eq{{$auth3}}{{{PASSWORD}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if eq{{$auth2}}{{{PASSWORD}}}}}
  server_set_id = $auth1
{xoauth2}"#
    )
}

/// Exim reads `user=…^Aauth=Bearer …^A^A` and asks about the token itself; it must not close its side meanwhile, which an HTTP server
/// takes for a client that is gone.
fn exim_xoauth2(tokeninfo: &str) -> Option<String> {
    let (address, path) = tokeninfo.strip_prefix("http://")?.split_once('/')?;
    let (host, port) = address.split_once(':')?;
    Some(format!(
        r#"xoauth2:
  driver = plaintext
  public_name = XOAUTH2
  server_prompts = :
  server_condition = ${{if match{{$auth1}}{{\N^user=([^\x01]+)\x01auth=Bearer ([A-Za-z0-9._-]+)\x01\x01$\N}}{{\
    ${{if match{{${{readsocket{{inet:{host}:{port}}}{{GET /{path}?access_token=$2 HTTP/1.0\r\n\r\n}}{{5s:shutdown=no}}}}}}{{200 OK}}}}}}{{no}}}}
  server_set_id = ${{if match{{$auth1}}{{\N^user=([^\x01]+)\N}}{{$1}}}}
"#
    ))
}

pub(super) fn dovecot(names: &Names<'_>) -> String {
    let Names { greeting, user, group, ports: Ports { imap, imaps, .. }, .. } = names;
    let folder = names.folder.display();
    let (mechanism, tokens) = if names.options.tokeninfo.is_some() {
        let args = format!("{folder}/oauth2.conf");
        (" xoauth2", format!("passdb {{\n  driver = oauth2\n  mechanisms = xoauth2\n  args = {args}\n}}\n"))
    } else {
        ("", String::new())
    };
    format!(
        r#"base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log/dovecot.log
protocols = imap
listen = 127.0.0.1
login_greeting = {greeting}
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login{mechanism}
auth_failure_delay = 0
mail_location = maildir:{folder}/mail/%u
mail_max_userip_connections = 100
passdb {{
  driver = static
  mechanisms = plain login
  args = password={PASSWORD}
}}
{tokens}userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
service anvil {{
  chroot =
  # Without it logins are not slowed down after refused ones.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
"#
    )
}

pub(super) fn oauth2(names: &Names<'_>) -> String {
    let tokeninfo = names.options.tokeninfo.as_deref().unwrap_or_default();
    format!("tokeninfo_url = {tokeninfo}?access_token=\nusername_attribute = email\ntimeout_msecs = 5000\n")
}
