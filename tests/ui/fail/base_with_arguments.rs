bedplate::base!(Comments);
