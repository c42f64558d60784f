//! Who may do what, and where: roles give rights, grants give roles for places.

use protocol::{Name, NodePath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What somebody works as.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Answers incidents.
    Operator,
    /// Answers for operators, and may have what is confidential.
    Supervisor,
    /// Sets cameras and rules up.
    Integrator,
    /// Decides who may do what, and may do all of it.
    Administrator,
    /// Looks at everything and changes nothing.
    Auditor,
}

/// What is allowed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Look at incidents, nodes and pictures as they leave nodes: masked.
    See,
    /// Take incidents on, judge them, note something down.
    Answer,
    /// Ask nodes for pictures and clips, test alarms, a new connection.
    Ask,
    /// Have what was filmed without masks, where `originals.users` names the user, too.
    Originals,
    /// Draw zones, set rules, push them.
    Configure,
    /// Reports of shifts, sites and rules.
    Report,
    /// Read who did what.
    Audit,
    /// Say who may do what.
    Administer,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 5] = [
        Role::Operator,
        Role::Supervisor,
        Role::Integrator,
        Role::Administrator,
        Role::Auditor,
    ];

    /// What the role may do.
    pub fn rights(self) -> &'static [Right] {
        use Right::{Administer, Answer, Ask, Audit, Configure, Originals, Report, See};
        match self {
            Role::Operator => &[See, Answer, Ask],
            Role::Supervisor => &[See, Answer, Ask, Originals, Report],
            Role::Integrator => &[See, Ask, Configure, Report],
            Role::Administrator => &[
                See, Answer, Ask, Originals, Configure, Report, Audit, Administer,
            ],
            Role::Auditor => &[See, Report, Audit],
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Operator => "operator",
            Role::Supervisor => "supervisor",
            Role::Integrator => "integrator",
            Role::Administrator => "administrator",
            Role::Auditor => "auditor",
        }
    }

    /// The role of that name.
    pub fn of(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// A role, everywhere or in a region or at a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Which role.
    pub role: Role,
    /// In this region only.
    #[serde(default)]
    pub region: Option<Name>,
    /// At this site of the region only.
    #[serde(default)]
    pub site: Option<Name>,
}

impl Grant {
    /// The role everywhere.
    pub fn everywhere(role: Role) -> Grant {
        Grant {
            role,
            region: None,
            site: None,
        }
    }

    fn covers(&self, region: &str, site: &str) -> bool {
        let within = |wanted: &Option<Name>, place: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.as_str() == place)
        };
        within(&self.region, region) && within(&self.site, site)
    }
}

/// What a user was granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(pub Vec<Grant>);

impl Grants {
    /// May the user do this somewhere.
    pub fn may(&self, right: Right) -> bool {
        self.with(right).next().is_some()
    }

    /// May the user do this everywhere.
    pub fn may_everywhere(&self, right: Right) -> bool {
        self.with(right).any(|grant| grant.region.is_none())
    }

    /// May the user do this there.
    pub fn may_at(&self, right: Right, region: &str, site: &str) -> bool {
        self.with(right).any(|grant| grant.covers(region, site))
    }

    /// May the user do this to a node.
    pub fn may_to(&self, right: Right, node: &NodePath) -> bool {
        self.may_at(right, node.region.as_str(), node.site.as_str())
    }

    /// Everything that the user may do somewhere.
    pub fn rights(&self) -> Vec<Right> {
        let mut rights: Vec<Right> = Vec::new();
        for right in self.0.iter().flat_map(|grant| grant.role.rights()) {
            if !rights.contains(right) {
                rights.push(*right);
            }
        }
        rights
    }

    /// Where the user may do this.
    pub fn reach(&self, right: Right) -> Reach {
        let places = self.with(right);
        Reach(places.cloned().collect())
    }

    fn with(&self, right: Right) -> impl Iterator<Item = &Grant> {
        let grants = self.0.iter();
        grants.filter(move |grant| grant.role.rights().contains(&right))
    }
}

/// Places that somebody may look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach(Vec<Grant>);

impl Reach {
    /// All places.
    pub fn everything() -> Reach {
        Reach(vec![Grant::everywhere(Role::Auditor)])
    }

    /// No place is left out.
    pub fn is_everything(&self) -> bool {
        self.0.iter().any(|grant| grant.region.is_none())
    }

    /// Is this place one of them.
    pub fn covers(&self, region: &str, site: &str) -> bool {
        self.0.iter().any(|grant| grant.covers(region, site))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_reaches_its_place_and_no_other() {
        let at = |region: &str, site: Option<&str>| Grant {
            role: Role::Operator,
            region: Some(region.parse().unwrap()),
            site: site.map(|site| site.parse().unwrap()),
        };
        let grants = Grants(vec![
            at("north", None),
            at("south", Some("bazaar")),
            Grant {
                role: Role::Auditor,
                ..at("west", None)
            },
        ]);
        let may = |right, region, site| grants.may_at(right, region, site);
        assert!(may(Right::Answer, "north", "anything"));
        assert!(may(Right::Answer, "south", "bazaar"));
        assert!(!may(Right::Answer, "south", "school"));
        assert!(
            !may(Right::Answer, "west", "bazaar"),
            "an auditor only looks"
        );
        assert!(may(Right::See, "west", "bazaar"));
        assert!(!grants.may(Right::Administer));
        assert!(!grants.may_everywhere(Right::See));
        assert!(Grants(vec![Grant::everywhere(Role::Auditor)]).may_everywhere(Right::See));
    }

    #[test]
    fn names_of_roles_are_read_as_they_are_written() {
        for role in Role::ALL {
            assert_eq!(Role::of(role.as_str()), Some(role));
            let json = serde_json::to_value(role).unwrap();
            assert_eq!(json, role.as_str());
        }
        assert_eq!(Role::of("emperor"), None);
    }
}
