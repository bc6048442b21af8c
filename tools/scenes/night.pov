// A city across the water, an hour after sunset. Units: metres.
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 4 }

camera {
    location <0, 9, -620> look_at <0, 62, 0> angle 44
    right x*image_width/image_height up y
}

// Dusk: orange at the horizon, deep blue above, the first stars.
sky_sphere {
    pigment { gradient y color_map {
        [0.00 rgb <0.62,0.23,0.085>]
        [0.06 rgb <0.40,0.155,0.10>]
        [0.15 rgb <0.140,0.085,0.125>]
        [0.24 rgb <0.050,0.055,0.125>]
        [0.40 rgb <0.016,0.027,0.085>]
        [1.00 rgb <0.002,0.004,0.016>] } }
    pigment { bozo turbulence 0.9 octaves 7 omega 0.55 scale <0.7,0.05,0.5> translate <3,0.2,1> color_map {
        [0.45 rgbt <0,0,0,1>] [0.75 rgbt <0.30,0.105,0.085,0.35>] [1 rgbt <0.14,0.055,0.07,0.15>] } }
}

#declare R = seed(4211);
#macro Rnd(A, B) (A + (B - A)*rand(R)) #end

// Lit windows: a grid in the building's own units, each cell its own light. Windows need no lamp: they are the lamps.
#declare Cell = function(v, s) { v/s - floor(v/s) }
#declare Warm = array[5] { <1.0,0.62,0.28>, <1.0,0.72,0.42>, <1.0,0.84,0.62>, <0.82,0.92,1.0>, <1.0,0.52,0.20> }

// Run is how many windows share a switch: flats light one by one, offices by the floor.
#macro WindowPigment(W, H, Share, Glow, Seed, Run)
    pigment {
        cells scale <W*Run, H, W*Run> translate <W*Seed, H*Seed, W*Seed*3>
        color_map {
            [0.00 rgb <0.010,0.012,0.018>]
            [1-Share rgb <0.012,0.014,0.020>]
            [1-Share rgb Warm[mod(Seed,5)]*Glow*0.25]
            [1-Share*0.6 rgb Warm[mod(Seed+1,5)]*Glow*0.7]
            [1-Share*0.3 rgb Warm[2]*Glow]
            [1.00 rgb Warm[mod(Seed+2,5)]*Glow*1.5]
        }
    }
#end

// Mullions and floors cut the lit cells out of the wall.
#macro Facade(W, H, Share, Glow, Seed, Run)
    texture {
        pigment_pattern {
            function { select(abs(Cell(x+1000*W,W)-0.5)-0.34, select(abs(Cell(y,H)-0.48)-0.27, 1, 0), 0)
                     * select(abs(Cell(z+1000*W,W)-0.5)-0.47, 1, 1) }
        }
        texture_map {
            [0.5 pigment { rgb <0.024,0.026,0.042>*Rnd(0.5,1.6) } finish { diffuse 0.5 emission 0.5 specular 0.1 reflection 0.06 }]
            [0.5 WindowPigment(W, H, Share, Glow, Seed, Run) finish { diffuse 0 emission 1 reflection 0.06 }]
        }
    }
#end

#macro Tower(X, Z, W, D, H, Kind, Seed)
    #local Win = Rnd(2.0, 3.6);
    #local Flr = Rnd(3.2, 4.2);
    #local Share = Rnd(0.22, 0.66);
    #local Glow = Rnd(0.5, 1.5);
    union {
        box { <-W/2,0,-D/2> <W/2,H,D/2> }
        #if (Kind = 1)
            box { <-W*0.38,H,-D*0.38> <W*0.38,H*1.12,D*0.38> }
            box { <-W*0.24,H*1.12,-D*0.24> <W*0.24,H*1.22,D*0.24> }
        #end
        #if (Kind = 3)
            box { <-W*0.55,0,-D*0.6> <W*0.55,H*0.35,D*0.5> }
        #end
        Facade(Win, Flr, Share, Glow, Seed, (rand(R) < 0.45 ? 1 : 2 + floor(rand(R)*5)))
        translate <X,0,Z>
    }
    #if (Kind = 1)
        cylinder { <X,H*1.2,Z> <X,H*1.5,Z> 0.7 pigment { rgb 0.05 } finish { diffuse 0.5 emission 0.1 } }
        sphere { <X,H*1.5,Z> 1.5 pigment { rgb <9,0.6,0.4> } finish { emission 1 diffuse 0 } }
    #end
    #if (Kind = 2)
        // A crown of light.
        box { <X-W/2-0.3,H-1.6,Z-D/2-0.3> <X+W/2+0.3,H+1.0,Z+D/2+0.3>
            pigment { rgb Warm[mod(Seed+3,5)]*<0.9,1,1.2>*2.2 } finish { emission 1 diffuse 0 } }
    #end
#end

// Three ranks of towers, the tallest left of the middle; the far ones dimmer through the haze.
#for (Rank, 0, 2)
    #local Z0 = 330 - Rank*140;
    #local X0 = -560 - Rank*20;
    #while (X0 < 560)
        #local W0 = Rnd(20, 46);
        #local Peak = exp(-pow((X0+95)/150,2)) + 0.62*exp(-pow((X0-215)/85,2));
        #local H0 = (Rnd(22, 60) + Peak*Rnd(70, 205))*(1 - 0.13*Rank);
        #if (Rank = 2) #local H0 = H0*0.55; #end
        #local K = floor(Rnd(0, 4));
        #if (K = 1 & H0 < 110) #local K = 0; #end
        Tower(X0+W0/2, Z0+Rnd(-20,20), W0, Rnd(22,40), H0, K, floor(Rnd(0,1000)))
        #local X0 = X0 + W0 + Rnd(1, 15);
    #end
#end

// A needle which everyone knows the city by.
union {
    cone { <0,0,0> 7 <0,190,0> 2.2 }
    cone { <0,190,0> 1.2 <0,262,0> 0.2 }
    lathe { cubic_spline 7 <2,150> <2.5,158> <15,166> <16,172> <8,178> <3,184> <2,190> }
    pigment { rgb <0.22,0.24,0.34> } finish { diffuse 0.2 emission 0.45 }
    translate <92,0,110>
}
torus { 15.6, 1.0 translate <92,169,110> pigment { rgb <0.5,2.6,6> } finish { emission 1 diffuse 0 } }
torus { 9, 0.7 translate <92,177,110> pigment { rgb <5,3.0,1.4> } finish { emission 1 diffuse 0 } }
sphere { <92,263,110> 1.6 pigment { rgb <12,0.8,0.5> } finish { emission 1 diffuse 0 } }
#for (I, 1, 9) sphere { <92,I*16,110-7.5> 0.9 pigment { rgb <1.5,2.2,4> } finish { emission 1 diffuse 0 } } #end

// The quay: a wall, lamps in a row, trees between them, a lit arcade.
box { <-900,0,-2> <900,3.4,40> pigment { rgb <0.085,0.072,0.06> } finish { diffuse 0.3 emission 0.35 } }
#for (I, -46, 46)
    #local X1 = I*13 + Rnd(-0.6,0.6);
    cylinder { <X1,3,0> <X1,9.6,0> 0.14 pigment { rgb 0.05 } finish { diffuse 0.4 emission 0.2 } }
    sphere { <X1,10,0> 0.62 pigment { rgb <16,10.2,5.0>*Rnd(0.7,1.2) } finish { emission 1 diffuse 0 } }
    // The pool of light under each lamp.
    disc { <X1,3.45,0> y, 5 pigment { cylindrical scale 5 rotate x*0 translate <X1,0,0> color_map { [0 rgbt 1] [1 rgbt <0.9,0.56,0.26,0.2>] } } finish { emission 1 diffuse 0 } no_reflection }
    disc { <X1,1.9,-2.05> z, 5 pigment { spherical scale 5 translate <X1,4.4,-2> color_map { [0 rgbt <0.20,0.12,0.05,1>] [1 rgbt <0.42,0.25,0.11,0.3>] } } finish { emission 1 diffuse 0 } }
    #for (J, 1, 7)
        sphere { 0 Rnd(1.6,2.8) scale <1,0.9,1> translate <X1+6.5+Rnd(-2.2,2.2), 8.2+Rnd(-1.8,2.6), 5+Rnd(-1,1)>
            pigment { bozo scale 0.35 color_map { [0 rgb <0.010,0.014,0.006>] [0.55 rgb <0.045,0.050,0.016>] [1 rgb <0.16,0.13,0.04>] } }
            finish { diffuse 0.1 emission 1 } }
    #end
#end
#for (I, 1, 90)
    // Cars, shop windows, boats: small lights of every colour near the water.
    #local C = floor(Rnd(0, 6));
    sphere { <Rnd(-460,460), Rnd(4.2,6.2), Rnd(6,30)> Rnd(0.25,0.7)
        pigment { rgb #switch (C) #case (0) <9,0.8,0.5> #break #case (1) <1,5,2> #break #case (2) <1.2,3,9> #break #else <10,8,5> #end *Rnd(0.4,1) }
        finish { emission 1 diffuse 0 } }
#end

// Haze between the ranks, lit by the town.
fog { fog_type 2 distance 1500 rgb <0.085,0.048,0.040> fog_offset 8 fog_alt 45 }

// The river: ripples long across and short towards us smear every lamp into a streak.
plane { y, 0
    texture {
        pigment { rgb <0.002,0.004,0.009> }
        normal { average normal_map {
            [1 bumps 0.30 scale <5,1,1.6>]
            [1 bumps 0.22 scale <16,1,4.5> rotate y*8]
            [0.6 ripples 0.10 scale 30 translate <-400,0,900> turbulence 0.4] } }
        finish { diffuse 0 reflection { 0.10, 0.92 falloff 3 } }
    }
}
