//! Random worlds: where the road runs, what stands beside it and how the camera hangs.

use super::sky;
use crate::dice::Dice;
use crate::scene::{self, Scene};
use crate::space::{Mount, V2, v2};
use crate::stage::Sky;
use crate::world::{Building, Crossing, Fence, Fixture, Material, Road, Standing, Surface, World};

/// Share of streets that are taken from the scenes that ship.
const SHIPPED: f32 = 0.16;

/// A street and the camera over it.
#[derive(Clone, Debug)]
pub struct Plot {
    pub world: World,
    pub mount: Mount,
    pub sky: Sky,
}

/// A random street; now and then one that ships, under any light.
pub fn plot(dice: &mut Dice) -> Plot {
    if dice.chance(SHIPPED) {
        let name = dice.pick(&scene::names());
        if let Ok(scene) = Scene::load(name) {
            let sky = if dice.chance(0.4) {
                scene.sky
            } else {
                sky::sky(dice)
            };
            return Plot {
                world: scene.world,
                mount: shaken(scene.mount, dice),
                sky,
            };
        }
    }
    let mount = mount(dice);
    let sky = sky::sky(dice);
    let mut world = World {
        base: Some(dice.pick(&[
            Material::Grass,
            Material::Grass,
            Material::Paving,
            Material::Soil,
            Material::Asphalt,
        ])),
        ..World::default()
    };
    match dice.below(5) {
        0 => across(&mut world, dice),
        1 => along(&mut world, dice),
        2 => junction(&mut world, dice),
        3 => square(&mut world, dice),
        _ => car_park(&mut world, dice),
    }
    clutter(&mut world, dice);
    if sky.light.lamps > 0.0 && dice.chance(0.85) {
        lamps(&mut world, dice);
    }
    clear_view(&mut world, &mount);
    Plot { world, mount, sky }
}

/// The same camera after somebody has brushed against it.
fn shaken(mount: Mount, dice: &mut Dice) -> Mount {
    let mut small = |k: f32| k * dice.range(-1.0, 1.0);
    Mount {
        pitch_deg: mount.pitch_deg + small(1.5),
        yaw_deg: mount.yaw_deg + small(3.0),
        height: mount.height + small(0.3),
        ..mount
    }
}

fn mount(dice: &mut Dice) -> Mount {
    let height = if dice.chance(0.7) {
        dice.range(3.0, 6.5)
    } else {
        dice.range(6.5, 12.0)
    };
    let fov_deg = dice.range(48.0, 96.0);
    // Higher cameras look down more steeply, as installers aim them.
    let pitch_deg = (dice.range(6.0, 24.0) + (height - 3.0) * dice.range(0.6, 2.6)).min(48.0);
    Mount {
        at: v2(0.0, 0.0),
        height,
        pitch_deg,
        yaw_deg: dice.range(-32.0, 32.0),
        fov_deg,
    }
}

fn road(from: V2, to: V2, dice: &mut Dice) -> Road {
    Road {
        from,
        to,
        width: dice.range(6.0, 11.0),
        pavement: if dice.chance(0.85) {
            dice.range(2.0, 5.0)
        } else {
            0.0
        },
        marked: dice.chance(0.75),
    }
}

/// Houses in a row along `from` -> `to`, the row's front `setback` metres to the left of the line.
fn houses(world: &mut World, from: V2, to: V2, setback: f32, dice: &mut Dice) {
    let (along, length) = ((to - from).unit(), (to - from).length());
    let turn_deg = along.y.atan2(along.x).to_degrees();
    let mut x = dice.range(0.0, 8.0);
    let shops = dice.chance(0.5);
    while x < length {
        let (wide, deep) = (dice.range(8.0, 24.0), dice.range(8.0, 14.0));
        let at = from + along * (x + wide / 2.0) + along.left() * (setback + deep / 2.0);
        world.buildings.push(Building {
            at,
            size: v2(wide, deep),
            height: dice.range(4.0, 17.0),
            turn_deg,
            colour: None,
            shops: shops && dice.chance(0.8),
        });
        x += wide
            + if dice.chance(0.35) {
                dice.range(2.0, 12.0)
            } else {
                0.0
            };
    }
}

/// Trees and lamps in a row, `aside` metres to the left of the line.
fn row_of(
    world: &mut World,
    kind: Fixture,
    from: V2,
    to: V2,
    aside: f32,
    gap: f32,
    dice: &mut Dice,
) {
    let (along, length) = ((to - from).unit(), (to - from).length());
    let mut x = dice.range(1.0, gap);
    while x < length {
        let at = from + along * x + along.left() * (aside + dice.range(-0.2, 0.2));
        let height = (kind == Fixture::Tree).then(|| dice.range(4.5, 10.0));
        world.standing.push(Standing { kind, at, height });
        x += gap * dice.range(0.8, 1.4);
    }
}

fn dress(world: &mut World, road: &Road, dice: &mut Dice) {
    let edge = road.width / 2.0 + road.pavement;
    let (from, to) = (road.from, road.to);
    if dice.chance(0.75) {
        houses(world, from, to, edge + dice.range(0.5, 6.0), dice);
    }
    if dice.chance(0.5) {
        houses(world, to, from, edge + dice.range(0.5, 6.0), dice);
    }
    for (kind, gap, chance) in [
        (Fixture::Tree, 9.0, 0.55),
        (Fixture::Lamp, 22.0, 0.6),
        (Fixture::Bollard, 2.5, 0.12),
    ] {
        if dice.chance(chance) {
            row_of(world, kind, from, to, road.width / 2.0 + 0.6, gap, dice);
        }
        if dice.chance(chance * 0.6) {
            row_of(world, kind, to, from, road.width / 2.0 + 0.6, gap, dice);
        }
    }
    if dice.chance(0.2) {
        let left = (to - from).unit().left() * (edge + 0.4);
        world.fences.push(Fence {
            from: from + left,
            to: to + left,
            height: dice.range(0.9, 2.2),
            wall: dice.chance(0.4),
            colour: None,
        });
    }
}

fn across(world: &mut World, dice: &mut Dice) {
    let far = dice.range(8.0, 24.0);
    let tilt = dice.range(-14.0, 14.0);
    let r = road(v2(-70.0, far - tilt), v2(70.0, far + tilt), dice);
    if dice.chance(0.5) {
        let x = dice.range(-8.0, 8.0);
        world.crossings.push(Crossing {
            at: v2(x, far + tilt * x / 70.0),
            heading_deg: 90.0 + tilt / 70.0 * 57.3,
            length: r.width,
            width: 4.0,
        });
    }
    dress(world, &r, dice);
    world.roads.push(r);
}

fn along(world: &mut World, dice: &mut Dice) {
    let x = dice.range(-9.0, 9.0);
    let r = road(v2(x, -10.0), v2(x + dice.range(-20.0, 20.0), 110.0), dice);
    dress(world, &r, dice);
    world.roads.push(r);
}

fn junction(world: &mut World, dice: &mut Dice) {
    let (x, y) = (dice.range(-7.0, 7.0), dice.range(14.0, 26.0));
    let a = road(v2(-80.0, y), v2(80.0, y), dice);
    let b = road(v2(x, -15.0), v2(x, 100.0), dice);
    for (at, heading_deg, length) in [
        (v2(x - b.width / 2.0 - 3.5, y), 90.0, a.width),
        (v2(x + b.width / 2.0 + 3.5, y), 90.0, a.width),
        (v2(x, y - a.width / 2.0 - 3.5), 0.0, b.width),
        (v2(x, y + a.width / 2.0 + 3.5), 0.0, b.width),
    ] {
        if dice.chance(0.6) {
            world.crossings.push(Crossing {
                at,
                heading_deg,
                length,
                width: 4.0,
            });
        }
    }
    let far = y + a.width / 2.0 + a.pavement.max(2.0) + 1.0;
    for (from, to) in [
        (v2(x + b.width, far), v2(80.0, far)),
        (v2(-80.0, far), v2(x - b.width * 1.5, far)),
    ] {
        if dice.chance(0.8) {
            houses(world, from, to, dice.range(0.0, 4.0), dice);
        }
        if dice.chance(0.4) {
            row_of(world, Fixture::Tree, from, to, -1.5, 9.0, dice);
        }
    }
    world.roads.extend([a, b]);
}

fn square(world: &mut World, dice: &mut Dice) {
    let far = dice.range(24.0, 50.0);
    let material = dice.pick(&[
        Material::Slabs,
        Material::Paving,
        Material::Slabs,
        Material::Asphalt,
    ]);
    world.surfaces.push(Surface {
        material,
        polygon: vec![v2(-50.0, 0.0), v2(50.0, 0.0), v2(50.0, far), v2(-50.0, far)],
        walkable: true,
    });
    for _ in 0..dice.below(4) {
        let (x, y, r) = (
            dice.range(-18.0, 18.0),
            dice.range(10.0, far),
            dice.range(2.0, 5.0),
        );
        let ring = (0..14)
            .map(|i| v2(x, y) + V2::from_angle(i as f32 / 14.0 * std::f32::consts::TAU) * r)
            .collect();
        world.surfaces.push(Surface {
            material: Material::Grass,
            polygon: ring,
            walkable: false,
        });
        world.standing.push(Standing {
            kind: dice.pick(&[Fixture::Tree, Fixture::Bush]),
            at: v2(x, y),
            height: None,
        });
    }
    if dice.chance(0.8) {
        houses(
            world,
            v2(-60.0, far),
            v2(60.0, far),
            dice.range(0.0, 6.0),
            dice,
        );
    }
    if dice.chance(0.4) {
        row_of(
            world,
            Fixture::Lamp,
            v2(-30.0, far * 0.6),
            v2(30.0, far * 0.6),
            0.0,
            12.0,
            dice,
        );
    }
}

fn car_park(world: &mut World, dice: &mut Dice) {
    let far = dice.range(26.0, 48.0);
    world.surfaces.push(Surface {
        material: Material::Asphalt,
        polygon: vec![v2(-45.0, 0.0), v2(45.0, 0.0), v2(45.0, far), v2(-45.0, far)],
        walkable: true,
    });
    let mut y = dice.range(7.0, 11.0);
    while y + 5.0 < far {
        for i in 0..32 {
            let x = -40.0 + i as f32 * 2.5;
            world.surfaces.push(Surface {
                material: Material::Paint,
                polygon: vec![
                    v2(x, y),
                    v2(x + 0.1, y),
                    v2(x + 0.1, y + 5.0),
                    v2(x, y + 5.0),
                ],
                walkable: false,
            });
        }
        y += 11.5;
    }
    if dice.chance(0.6) {
        houses(world, v2(-60.0, far + 2.0), v2(60.0, far + 2.0), 2.0, dice);
    } else {
        row_of(
            world,
            Fixture::Tree,
            v2(-45.0, far + 1.0),
            v2(45.0, far + 1.0),
            1.0,
            5.0,
            dice,
        );
    }
}

/// Odd things here and there, so that not everything upright is a person.
fn clutter(world: &mut World, dice: &mut Dice) {
    for _ in 0..dice.below(6) {
        let kind = dice.pick(&[
            Fixture::Sign,
            Fixture::Bush,
            Fixture::Lamp,
            Fixture::Bollard,
            Fixture::Tree,
            Fixture::Flag,
        ]);
        let at = v2(dice.range(-16.0, 16.0), dice.range(6.0, 35.0));
        let on_road = world.roads.iter().any(|r| {
            let along = (r.to - r.from).unit();
            along.cross(at - r.from).abs() < r.width / 2.0 + 0.3
        });
        if !on_road {
            world.standing.push(Standing {
                kind,
                at,
                height: None,
            });
        }
    }
}

/// Lamps where a street has hardly any: few town streets are quite dark.
fn lamps(world: &mut World, dice: &mut Dice) {
    let near = |t: &&Standing| t.kind == Fixture::Lamp && (0.0..40.0).contains(&t.at.y);
    let missing = 5usize.saturating_sub(world.standing.iter().filter(near).count());
    for _ in 0..missing {
        world.standing.push(Standing {
            kind: Fixture::Lamp,
            at: v2(dice.range(-18.0, 18.0), dice.range(6.0, 38.0)),
            height: Some(dice.range(5.0, 8.5)),
        });
    }
}

/// Nothing tall right in front of the lens, no house around the camera.
fn clear_view(world: &mut World, mount: &Mount) {
    let near = |at: V2, reach: f32| (at - mount.at).length() < reach;
    world
        .standing
        .retain(|t| !near(t.at, if t.kind == Fixture::Tree { 9.0 } else { 4.0 }));
    world
        .buildings
        .retain(|b| !near(b.at, b.size.x.hypot(b.size.y) / 2.0 + 5.0));
    let distance = |f: &Fence| {
        let (d, p) = (f.to - f.from, mount.at - f.from);
        (p - d * (p.dot(d) / d.dot(d)).clamp(0.0, 1.0)).length()
    };
    world.fences.retain(|f| distance(f) > 5.0);
}
