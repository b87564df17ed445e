//! Makes the key pair by which Managers sign in on hosts reached over SSH.

use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use uuid::Uuid;
use zeroize::Zeroizing;

/// A new Ed25519 pair: what belongs into `authorized_keys`, and the private key in OpenSSH's form.
pub(super) fn generate(cluster_id: Uuid) -> Result<(String, Zeroizing<String>), String> {
    let mut seed = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(seed.as_mut_slice()).map_err(|_| "no randomness".to_owned())?;
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
    let comment = format!("kyvos-manager {cluster_id}");
    let key = PrivateKey::new(pair, comment).map_err(|error| error.to_string())?;
    let public = key.public_key().to_openssh().map_err(|error| error.to_string())?;
    let private = key.to_openssh(LineEnding::LF).map_err(|error| error.to_string())?;
    Ok((public, private))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_parts_belong_together_and_no_two_pairs_are_alike() {
        let pairs = [1, 2].map(|group| generate(Uuid::from_u128(group)).unwrap());
        for (public, private) in &pairs {
            let key = PrivateKey::from_openssh(private.as_str()).unwrap();
            assert_eq!(&key.public_key().to_openssh().unwrap(), public);
            assert!(public.starts_with("ssh-ed25519 ") && public.contains("kyvos-manager"));
        }
        assert_ne!(pairs[0].0, pairs[1].0);
    }
}
