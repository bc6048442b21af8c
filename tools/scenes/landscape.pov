// A mountain lake early in the morning: low sun from the left, haze in the valley. Unit: 10 m.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 4 }

camera {
    location <4, 7.5, -212> look_at <6, 38, 120> angle 50
    right x*image_width/image_height up y
}

#declare SunDir = vnormalize(<-0.86, 0.36, -0.36>);
light_source { SunDir*9000 rgb <1.0, 0.78, 0.52>*2.7 }
// The sky's own light, and light thrown back from the ground.
light_source { <2000, 9000, -3000> rgb <0.30,0.42,0.66>*0.42 shadowless }
light_source { <4000, 1500, -6000> rgb <0.36,0.42,0.55>*0.22 shadowless }

sky_sphere {
    pigment { gradient y color_map {
        [0.00 rgb <0.98,0.80,0.62>*0.95]
        [0.07 rgb <0.80,0.76,0.74>*0.86]
        [0.20 rgb <0.38,0.53,0.76>*0.82]
        [0.50 rgb <0.13,0.27,0.56>*0.78]
        [1.00 rgb <0.05,0.13,0.36>*0.7] } }
}
// Two sheets of cloud: high streaks, and lower ones with body.
plane { y, 3200 hollow
    pigment { wrinkles turbulence 0.55 octaves 8 omega 0.6 lambda 2.2 scale <6500,1,2600> rotate y*24 translate <900,0,300> color_map {
        [0.50 rgbt <1.0,0.93,0.86,1>] [0.70 rgbt <1.05,0.95,0.86,0.55>] [0.90 rgbt <1.12,1.0,0.90,0.10>] } }
    finish { emission 0.95 diffuse 0 } no_shadow }
plane { y, 2000 hollow
    pigment { bozo turbulence 0.75 octaves 9 omega 0.52 lambda 2.1 scale <2300,1,1500> translate <1500,0,5400> color_map {
        [0.60 rgbt <1,0.9,0.8,1>] [0.70 rgbt <1.10,0.94,0.80,0.35>] [0.82 rgbt <0.98,0.86,0.80,0.08>] [1 rgbt <0.62,0.60,0.66,0.02>] } }
    finish { emission 0.95 diffuse 0 } no_shadow }

#declare Rock = texture {
    pigment { granite scale <30,9,30> turbulence 0.2 color_map {
        [0.0 srgb <0.26,0.24,0.23>] [0.30 srgb <0.48,0.44,0.41>] [0.5 srgb <0.36,0.335,0.325>] [0.7 srgb <0.55,0.51,0.47>] [1 srgb <0.66,0.61,0.56>] } }
    normal { average normal_map { [1 granite 1.3 scale 9] [1 granite 1.6 scale <2.2,3.5,2.2>] } }
    finish { diffuse 0.8 }
}
#declare Scree = texture {
    pigment { granite scale 6 color_map { [0 srgb <0.34,0.32,0.27>] [1 srgb <0.58,0.54,0.46>] } }
    normal { granite 1.2 scale 2.5 }
    finish { diffuse 0.75 }
}
#declare Grass = texture {
    pigment { bozo turbulence 0.8 scale <20,20,20> color_map {
        [0.2 srgb <0.23,0.29,0.11>] [0.5 srgb <0.34,0.35,0.13>] [0.8 srgb <0.46,0.39,0.16>] } }
    normal { granite 0.7 scale 4 }
    finish { diffuse 0.7 }
}
#declare Snow = texture {
    pigment { srgb <0.97,0.975,1.0> }
    normal { granite 0.16 scale 10 }
    finish { diffuse 0.86 specular 0.05 roughness 0.05 }
}

// Steep ground is rock; the rest is grass low down and snow high up, with a ragged line between.
#declare LowGround = texture { slope { y 0.45, 1.0 } texture_map {
    [0.30 Rock] [0.52 Scree] [0.66 Grass] } }
#declare HighGround = texture { slope { y 0.30, 1.0 } texture_map {
    [0.36 Rock] [0.54 Snow] } }

#declare Land = height_field {
    png "landscape-height.png" smooth
    water_level 0.0004
    translate <-0.5,0,-0.5>
    scale <520, 152, 560>
    translate <0,-3.2,130>
};
object { Land
    texture {
        gradient y scale 150 warp { turbulence <0.04,0.10,0.04> octaves 5 omega 0.6 lambda 2.6 } translate y*-2
        texture_map { [0.38 LowGround] [0.56 HighGround] }
    }
}

// One spruce, three shapes; the shore is full of them.
#declare R = seed(77);
#macro Spruce(Layers, Lean)
    mesh {
        #for (L, 0, Layers-1)
            #local T = L/Layers;
            #local Y0 = 0.10 + 0.86*T;
            #local Rad = 0.25*(1.02 - T)*(0.85 + 0.3*rand(R));
            #local N = 9;
            #for (K, 0, N-1)
                #local A = 2*pi*(K + rand(R)*0.7)/N;
                #local Q = Rad*(0.55 + 0.6*rand(R));
                triangle { <0, Y0+0.12*(1.15-T), 0>
                    <Q*cos(A-0.34), Y0-0.05*(1-T)-0.02*rand(R), Q*sin(A-0.34)>
                    <Q*cos(A+0.34), Y0-0.05*(1-T)-0.02*rand(R), Q*sin(A+0.34)> }
            #end
        #end
        #for (K, 0, 2)
            triangle { <0.018*cos(K*2.1),0,0.018*sin(K*2.1)> <0.018*cos(K*2.1+2.1),0,0.018*sin(K*2.1+2.1)> <Lean,0.9,0> }
        #end
    }
#end
#declare Trees = array[4];
#declare Trees[0] = Spruce(13, 0)
#declare Trees[1] = Spruce(15, 0)
#declare Trees[2] = Spruce(11, 0)
#declare Trees[3] = Spruce(17, 0)
#declare Greens = array[4] {
    texture { pigment { srgb <0.135,0.205,0.105> } finish { diffuse 0.75 } },
    texture { pigment { srgb <0.165,0.235,0.115> } finish { diffuse 0.75 } },
    texture { pigment { srgb <0.125,0.185,0.115> } finish { diffuse 0.75 } },
    texture { pigment { srgb <0.52,0.40,0.11> } finish { diffuse 0.75 } } }

#declare Thick = function { pattern { bozo turbulence 0.5 scale 26 } }
#declare Count = 0;
#for (I, 1, 60000)
    #local P = <-255 + 510*rand(R), 0, -145 + 460*rand(R)>;
    #local Near = 1 - (P.z + 145)/460;
    #if (Thick(P.x, 0, P.z) > 0.24 + 0.25*rand(R) & rand(R) < 0.35 + 0.65*Near)
        #local Nrm = <0,0,0>;
        #local Hit = trace(Land, <P.x, 500, P.z>, -y, Nrm);
        #if (Nrm.y > 0.72 & Hit.y > 0.35 & Hit.y < 34 + 14*rand(R))
            #local H = 2.3 + 2.0*rand(R);
            object { Trees[floor(rand(R)*4)] scale <H*1.15, H, H*1.15> rotate y*360*rand(R) translate Hit - y*0.08
                texture { Greens[min(3, floor(rand(R)*3.45))] } }
            #local Count = Count + 1;
        #end
    #end
#end
#debug concat("trees: ", str(Count,0,0), "\n")

// The lake: nearly still, ruffled in bands by the wind.
plane { y, 0
    texture {
        pigment { rgb <0.010,0.026,0.030> }
        normal { average normal_map {
            [1 bumps 0.055 scale <2.6,1,0.9>]
            [1 bumps 0.05 scale <9,1,2.6> rotate y*7]
            [0.8 wrinkles 0.05 scale <40,1,9>] } }
        finish { diffuse 0.25 reflection { 0.03, 0.95 falloff 4 } }
    }
}

// Haze: a thin veil everywhere, mist over the water.
fog { fog_type 2 distance 1700 rgb <0.44,0.55,0.74> fog_offset 20 fog_alt 60 }
fog { fog_type 2 distance 1000 rgb <0.95,0.80,0.66> fog_offset 0.5 fog_alt 3.0 turbulence 0.3 turb_depth 0.3 }
